import type { Location } from '../../model/chunk.ts'
import { foreignLocation, isChunkLocation } from '../chunk-location.ts'

/**
 * The location of an object found in the bucket: its key without the prefix. Undefined if it is no
 * chunk of ours.
 */
export function locationOfKey(prefix: string, key: string): Location | undefined {
  const location = key.slice(prefix.length)
  return key.startsWith(prefix) && isChunkLocation(location) ? location : undefined
}

/** Throws `corrupt` if this store cannot have made the location. */
export function checkLocation(location: Location): void {
  if (!isChunkLocation(location)) throw foreignLocation(location)
}
