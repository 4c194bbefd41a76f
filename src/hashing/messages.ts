/** Bytes of a shared memory; `end` is exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** To the thread. */
export interface HashCall {
  readonly id: number
  readonly memory: SharedArrayBuffer
  readonly spans: readonly Span[]
}

/** From the thread. */
export interface HashReply {
  readonly id: number
  readonly digests: Uint8Array
}
