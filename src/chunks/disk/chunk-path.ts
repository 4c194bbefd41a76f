import { randomBytes } from 'node:crypto'
import type { Location } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { digestOfLocation, foreignLocation, isChunkLocation } from '../chunk-location.ts'

const packShape = /^[0-9a-f]{2}\/[0-9a-f]{32}\.pack(?:\/([0-9]{3}))?$/
const temporaryShape = /^[0-9a-f]{2}\/[0-9a-f]{32}\.[0-9a-f]{16}\.tmp$/

/**
 * Names of all shards, sorted. A chunk's file is in the shard named by the first two digits of its
 * digest; a pack may be in any.
 */
export const shardNames: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** What a location or the path of a file means. Paths are below the store's directory. */
export type ParsedLocation =
  | { readonly kind: 'file'; readonly path: string; readonly digest: Digest }
  | { readonly kind: 'entry'; readonly path: string; readonly number: number }
  /** A whole pack. It is listed like this if damage hides what it holds. */
  | { readonly kind: 'pack'; readonly path: string }
  /** A pack that is still being written, or that a crash cut short. */
  | { readonly kind: 'temporary'; readonly path: string }

/** A path that no pack had before: `ab/<random>.pack`. */
export function newPackPath(): string {
  const random = randomBytes(17).toString('hex')
  return `${random.slice(0, 2)}/${random.slice(2)}.pack`
}

/**
 * The location of a chunk in a pack: the pack's path and the chunk's number there, as in
 * `ab/<random>.pack/007`.
 */
export function locationInPack(packPath: string, number: number): Location {
  return `${packPath}/${String(number).padStart(3, '0')}` as Location
}

/** Where a pack is written until it is complete; a different path each time. */
export function newTemporaryPath(packPath: string): string {
  return packPath.replace(/pack$/, `${randomBytes(8).toString('hex')}.tmp`)
}

/** Parses a location, or the path of a file. Undefined if this store cannot have made it. */
export function tryParseLocation(location: string): ParsedLocation | undefined {
  if (isChunkLocation(location)) {
    return { kind: 'file', path: location, digest: digestOfLocation(location) }
  }
  const pack = packShape.exec(location)
  if (pack) {
    const [, number] = pack
    if (number === undefined) return { kind: 'pack', path: location }
    return { kind: 'entry', path: location.slice(0, -4), number: Number(number) }
  }
  return temporaryShape.test(location) ? { kind: 'temporary', path: location } : undefined
}

/** Throws `corrupt` if this store cannot have made the location. */
export function parseLocation(location: Location): ParsedLocation {
  const parsed = tryParseLocation(location)
  if (!parsed) throw foreignLocation(location)
  return parsed
}

/** The shard of a location or a path. */
export function shardOf(path: string): string {
  return path.slice(0, 2)
}
