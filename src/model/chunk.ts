import type { Digest } from './digest.ts'

/** Where a chunk store keeps one chunk. Opaque to all but its driver; unique for every write, never used again. */
export type Location = string & { readonly __brand: 'Location' }

/** An immutable run of bytes as the catalog knows it. */
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
  /** Where in the file its first byte stands. */
  readonly start: number
}
