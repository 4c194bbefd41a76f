/** Bytes of a file from `start` up to `end`, which is exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}
