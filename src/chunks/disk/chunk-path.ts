import { randomBytes } from 'node:crypto'
import type { Location } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { digestOfLocation, foreignLocation, isChunkLocation } from '../chunk-location.ts'

const packShape = /^[0-9a-f]{2}\/[0-9a-f]{32}\.pack(?:\/([0-9]{3}))?$/
const temporaryShape = /^[0-9a-f]{2}\/[0-9a-f]{32}\.[0-9a-f]{16}\.tmp$/

/**
 * Names of all shards, sorted: of a chunk's file the first two digits of its digest, of a pack any.
 */
export const shardNames: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** What a location means, or the path of a file. Paths are below the store's directory. */
export type ParsedLocation =
  | { readonly kind: 'file'; readonly path: string; readonly digest: Digest }
  | { readonly kind: 'entry'; readonly path: string; readonly number: number }
  /** A pack as a whole: it is listed so if nobody can tell what it holds. */
  | { readonly kind: 'pack'; readonly path: string }
  /** A pack that is not whole yet, or never will be. */
  | { readonly kind: 'temporary'; readonly path: string }

/** The path of a pack that was none before: `ab/<random>.pack`. */
export function newPackPath(): string {
  const random = randomBytes(17).toString('hex')
  return `${random.slice(0, 2)}/${random.slice(2)}.pack`
}

/**
 * The location of a chunk in a pack: the path of the pack, and its number there, as in
 * `ab/<random>.pack/007`.
 */
export function locationInPack(packPath: string, number: number): Location {
  return `${packPath}/${String(number).padStart(3, '0')}` as Location
}

/** Where a pack is written until it is whole: another one each time. */
export function newTemporaryPath(packPath: string): string {
  return packPath.replace(/pack$/, `${randomBytes(8).toString('hex')}.tmp`)
}

/** What this is the location of, or the path; undefined if it is none of ours. */
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

/** Of a location or a path. */
export function shardOf(path: string): string {
  return path.slice(0, 2)
}
