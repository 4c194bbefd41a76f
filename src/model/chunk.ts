import { bytesOfDigest, type Digest } from './digest.ts'

/**
 * Where a chunk store keeps one chunk. Only the driver that made it knows what it means. Every
 * write makes a new one, and none is ever reused.
 */
export type Location = string & { readonly __brand: 'Location' }

/** An immutable run of bytes, as the catalog knows it. */
export interface Chunk {
  readonly digest: Digest
  /** Bytes, at least 1. */
  readonly size: number
  /** Raw digests of its blocks, one after the other: ceil(size / blockBytes) × 32 bytes. */
  readonly blockDigests: Uint8Array
  readonly location: Location
}

/** A chunk at its place in a file. */
export interface FileChunk extends Chunk {
  /** The position of its first byte in the file. */
  readonly start: number
}

/**
 * Consecutive chunks, with what a manifest and a file's digest need of them. Packing passes
 * thousands of them on as three values.
 */
export interface PackedChunks {
  readonly sizes: readonly number[]
  /** Raw, one after the other. */
  readonly digests: Uint8Array
  /** Of one chunk after the other, each as in `Chunk`. */
  readonly blockDigests: Uint8Array
}

export function packed(chunks: readonly Omit<Chunk, 'location'>[]): PackedChunks {
  return {
    sizes: chunks.map(({ size }) => size),
    digests: Buffer.concat(chunks.map(({ digest }) => bytesOfDigest(digest))),
    blockDigests: Buffer.concat(chunks.map(({ blockDigests }) => blockDigests)),
  }
}
