import { StoreError } from '../../model/errors.ts'
import type { Metadata } from '../../model/file.ts'

/** They have a meaning of their own in `Upload-Metadata`. */
const reserved = new Set(['filename', 'name', 'filetype', 'type'])

export interface Description {
  readonly mediaType?: string
  readonly metadata?: Metadata
}

/**
 * An `Upload-Metadata` header (tus 1.0, Creation). Throws `invalid_metadata` for keys that it
 * cannot carry.
 */
export function metadataHeader(name: string, { mediaType, metadata = {} }: Description): string {
  const described = { filename: name, ...(mediaType !== undefined && { filetype: mediaType }) }
  return [...Object.entries(described).map(pairOf), ...pairsOf(metadata)].join(',')
}

/** The same for a `PUT`, whose address has the name. */
export function metadataOnly(metadata: Metadata): string {
  return pairsOf(metadata).join(',')
}

function pairsOf(metadata: Metadata): readonly string[] {
  const free = Object.entries(metadata)
  // "The key MUST NOT contain spaces and commas and MUST NOT be empty. The key SHOULD be ASCII
  // encoded".
  const unfit = free.find(([key]) => !/^[!-+\--~]+$/.test(key) || reserved.has(key))
  if (unfit) {
    throw new StoreError(
      'invalid_metadata',
      `The metadata key ${JSON.stringify(unfit[0])} must be ASCII without spaces and commas, and none of ${[...reserved].join(', ')}.`,
    )
  }
  return free.map(pairOf)
}

function pairOf([key, value]: readonly [string, string]): string {
  return `${key} ${toBase64(new TextEncoder().encode(value))}`
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}
