/** A BLAKE3-256 digest as 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly __brand: 'Digest' }

/**
 * The unit that a read fetches and verifies. Every block of a chunk has this many bytes, except the
 * last.
 */
export const blockBytes = 1024 * 1024

/** Bytes of one raw digest. */
export const digestBytes = 32

/** Throws `TypeError` unless the text is 64 lower-case hexadecimal digits. */
export function parseDigest(text: string): Digest {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new TypeError(`not a digest: ${text.slice(0, 80)}`)
  return text as Digest
}

/** The digest in its raw form, 32 bytes. */
export function bytesOfDigest(digest: Digest): Buffer {
  return Buffer.from(digest, 'hex')
}

/** Inverse of `bytesOfDigest`. Throws `TypeError` unless given 32 bytes. */
export function digestOfBytes(bytes: Uint8Array): Digest {
  if (bytes.length !== digestBytes)
    throw new TypeError(`a digest has ${digestBytes} bytes, not ${bytes.length}`)
  return asBuffer(bytes).toString('hex') as Digest
}

/** The same bytes, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
