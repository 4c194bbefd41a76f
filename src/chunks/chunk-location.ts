import { randomBytes } from 'node:crypto'
import type { Location } from '../model/chunk.ts'
import { parseDigest, type Digest } from '../model/digest.ts'
import { StoreError } from '../model/errors.ts'

// Disks and buckets name chunks alike, so that chunks can be copied from one to the other.
const shape = /^([0-9a-f]{2})\/\1[0-9a-f]{62}\.[0-9a-f]{16}$/

/** Makes a location that no chunk had before: `ab/<digest>.<random>`. */
export function newLocation(digest: Digest): Location {
  return `${digest.slice(0, 2)}/${digest}.${randomBytes(8).toString('hex')}` as Location
}

/** Whether `newLocation` can have made it. */
export function isChunkLocation(text: string): text is Location {
  return shape.test(text)
}

/** The digest in a location that `newLocation` has made. */
export function digestOfLocation(location: Location): Digest {
  return parseDigest(location.slice(3, 67))
}

/**
 * For a location that the store cannot have made. Locations come back out of a database: a forged
 * one must not lead to other people's files or objects.
 */
export function foreignLocation(location: Location): StoreError {
  return new StoreError(
    'corrupt',
    `${JSON.stringify(location.slice(0, 120))} is no location of this store: check that the catalog belongs to it.`,
  )
}
