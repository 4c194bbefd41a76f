import { randomBytes } from 'node:crypto'
import type { Location } from '../../model/chunk.ts'
import { parseDigest, type Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'

const shape = /^([0-9a-f]{2})\/\1[0-9a-f]{62}\.[0-9a-f]{16}$/

/** Names of all shards, sorted: the first two digits of the digests that they hold. */
export const shardNames: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** A location that no chunk had before: `ab/<digest>.<random>`, a path below the store's directory. */
export function newLocation(digest: Digest): Location {
  return `${digest.slice(0, 2)}/${digest}.${randomBytes(8).toString('hex')}` as Location
}

/** The location of a file found in a shard; undefined if it is none of ours. */
export function locationOfFile(shard: string, name: string): Location | undefined {
  const path = `${shard}/${name}`
  return shape.test(path) ? (path as Location) : undefined
}

export function digestOfLocation(location: Location): Digest {
  return parseDigest(location.slice(3, 67))
}

export function shardOfLocation(location: Location): string {
  return location.slice(0, 2)
}

/**
 * Refuses what `newLocation` cannot have made. Locations come back out of a database: one that was tampered
 * with must not lead out of the store's directory. Throws `corrupt`.
 */
export function checkLocation(location: Location): void {
  if (shape.test(location)) return
  throw new StoreError(
    'corrupt',
    `${JSON.stringify(location.slice(0, 120))} is no location of this store: check that the catalog belongs to it.`,
  )
}
