import type { Digest } from '../model/digest.ts'

/** What Node and browsers do differently. */
export interface Platform {
  /** For the digest of one chunk, from its bytes in order. */
  chunkHasher(): Promise<ContentHasher<Uint8Array>>
  /** For the digest of one file, from the digests of its chunks in order. */
  fileHasher(): Promise<ContentHasher<Digest>>
  sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** What `fetch` needs to send these bytes. Tells of those that have left, if it can see them leave. */
  bodyOf(
    pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
    onSent: (bytes: number) => void,
  ): Promise<RequestInit>
  /** Bytes that one request sends at most. Where a proxy refuses that many, fewer are sent. */
  readonly requestBytes: number
  readonly stallTimeoutMs: number
}

export interface ContentHasher<T> {
  update(content: T): void
  /** Once, at the end. */
  digest(): Digest
}
