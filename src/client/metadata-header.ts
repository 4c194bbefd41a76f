import { StoreError } from '../model/errors.ts'
import type { Metadata } from '../model/file.ts'

/** They have a meaning of their own in `Upload-Metadata`. */
const reserved = new Set(['filename', 'name', 'filetype', 'type'])

export interface Description {
  readonly mediaType?: string
  readonly metadata?: Metadata
}

/** An `Upload-Metadata` header (tus 1.0, Creation). Throws `invalid_metadata` for keys that it cannot carry. */
export function metadataHeader(name: string, { mediaType, metadata = {} }: Description): string {
  const free = Object.entries(metadata)
  // "The key MUST NOT contain spaces and commas and MUST NOT be empty. The key SHOULD be ASCII encoded".
  const unfit = free.find(([key]) => !/^[!-+\--~]+$/.test(key) || reserved.has(key))
  if (unfit) {
    throw new StoreError(
      'invalid_metadata',
      `The metadata key ${JSON.stringify(unfit[0])} must be ASCII without spaces and commas, and none of ${[...reserved].join(', ')}.`,
    )
  }
  const pairs = [['filename', name], ...(mediaType === undefined ? [] : [['filetype', mediaType]]), ...free]
  return pairs
    .map(([key = '', value = '']) => `${key} ${toBase64(new TextEncoder().encode(value))}`)
    .join(',')
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}
