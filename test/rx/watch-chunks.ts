import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { chunked, type ChunkedOptions, type FilledChunk } from '../../src/streams/chunked.ts'

export const options: ChunkedOptions = { chunkBytes: 8, pieceBytes: 4, maxChunks: 100 }

/** Subscribes and keeps what comes; nothing is released. */
export function watch(source: Readable, pool: BufferPool, given = options) {
  const chunks: FilledChunk[] = []
  const texts: string[] = []
  const ends: unknown[] = []
  const ended = Promise.withResolvers<void>()
  const subscription = chunked(source, pool, given).subscribe({
    next: (chunk) => {
      chunks.push(chunk)
      texts.push(textOf(chunk))
    },
    error: (error: unknown) => {
      ends.push(error)
      ended.resolve()
    },
    complete: () => {
      ends.push('|')
      ended.resolve()
    },
  })
  return { chunks, texts, ends, ended: ended.promise, subscription }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

export function textOf({ pieces }: FilledChunk): string {
  return Buffer.concat(pieces).toString()
}
