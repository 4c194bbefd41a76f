import type { Digest } from '../../model/digest.ts'

/** What Node and browsers do differently. */
export interface Platform {
  /** For the digest of one chunk, from its bytes in order. */
  chunkHasher(): Promise<ContentHasher<Uint8Array>>
  /** For the digest of one file, from the digests of its chunks in order. */
  fileHasher(): Promise<ContentHasher<Digest>>
  sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /**
   * One request, once, and what is answered to it: redirects are not followed, and no cache is
   * asked. Rejects, as the body of the answer does, with whatever went wrong. Once the signal is
   * aborted nothing of it goes on, and no connection of it stays.
   */
  send(url: URL, request: OutgoingRequest): Promise<Answer>
  /** Bytes that one request sends at most. Where a proxy refuses that many, fewer are sent. */
  readonly requestBytes: number
  readonly stallTimeoutMs: number
}

export interface OutgoingRequest {
  readonly method: string
  /** With a `Content-Length` for a body in pieces. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | OutgoingPieces | undefined
  readonly signal: AbortSignal
}

export interface OutgoingPieces {
  readonly pieces: AsyncIterable<Uint8Array<ArrayBuffer>>
  /** Told of bytes that have left, where they can be seen to leave. */
  readonly onSent: (bytes: number) => void
}

export interface Answer {
  /** 0 for a redirect, of which a browser says no more. */
  readonly status: number
  readonly headers: AnswerHeaders
  /** Can be read once. Nothing more of it comes when who reads it stops. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>
  /** Instead of reading the body: else it would keep the connection. */
  discard(): void
}

/** `null` for what is not there. */
export type AnswerHeaders = Pick<Headers, 'get'>

export interface ContentHasher<T> {
  update(content: T): void
  /** Once, at the end. */
  digest(): Digest
}
