import { createCipheriv, createHash } from 'node:crypto'

/** A file as the harness knows it: nothing of its bytes has to be kept. */
export interface Value {
  /** Unlike that of any other file, and part of its media type, by which it is known again. */
  readonly tag: number
  /** Files of the same content have the same bytes, as far as both go: their chunks are shared. */
  readonly content: string
  readonly size: number
}

const counterBytes = 16

/** Bytes `from` to `to` (exclusive) of a content, which has no end. The same every time. */
export function contentBytes(content: string, from: number, to: number): Buffer {
  const key = createHash('sha256').update(content).digest().subarray(0, counterBytes)
  const counter = Buffer.alloc(counterBytes)
  const skipped = from % counterBytes
  counter.writeBigUInt64BE(BigInt((from - skipped) / counterBytes), 8)
  // The bytes of a counter mode are as good as random, and can be had from anywhere on.
  const cipher = createCipheriv('aes-128-ctr', key, counter)
  return cipher.update(Buffer.alloc(skipped + to - from)).subarray(skipped)
}

export function mediaTypeOf({ tag }: Value): string {
  return `application/x-crash; tag=${tag}`
}

/** The tag in a media type; NaN if it has none. */
export function tagIn(mediaType: string | undefined): number {
  return Number(/^application\/x-crash; tag=(\d+)$/.exec(mediaType ?? '')?.[1] ?? NaN)
}
