import { randomBytes } from 'node:crypto'
import type { Location } from '../../model/chunk.ts'
import { parseDigest, type Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'

// As the disk store has it, so that a directory of chunks can be copied into a bucket, and back.
const shape = /^([0-9a-f]{2})\/\1[0-9a-f]{62}\.[0-9a-f]{16}$/

/**
 * A location that no chunk had before: `ab/<digest>.<random>`. An object's key is the prefix and
 * the location.
 */
export function newObjectLocation(digest: Digest): Location {
  return `${digest.slice(0, 2)}/${digest}.${randomBytes(8).toString('hex')}` as Location
}

/** The location of an object found in the bucket; undefined if it is none of ours. */
export function locationOfKey(prefix: string, key: string): Location | undefined {
  const location = key.slice(prefix.length)
  return key.startsWith(prefix) && shape.test(location) ? (location as Location) : undefined
}

export function digestOfLocation(location: Location): Digest {
  return parseDigest(location.slice(3, 67))
}

/**
 * Refuses what `newLocation` cannot have made. Locations come back out of a database: one that was
 * tampered with must not lead to what others keep in the bucket. Throws `corrupt`.
 */
export function checkLocation(location: Location): void {
  if (shape.test(location)) return
  throw new StoreError(
    'corrupt',
    `${JSON.stringify(location.slice(0, 120))} is no location of this store: check that the catalog belongs to it.`,
  )
}
