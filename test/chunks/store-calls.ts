import { expect } from 'vitest'
import type { ChunkStore, ListOptions, StoredChunk } from '../../src/chunks/chunk-store.ts'
import type { Location } from '../../src/model/chunk.ts'
import type { SampleChunk } from './sample-chunk.ts'

/** All that the store lists, in its order. */
export async function listed(store: ChunkStore, options?: ListOptions): Promise<readonly StoredChunk[]> {
  const chunks: StoredChunk[] = []
  for await (const chunk of store.list(options)) chunks.push(chunk)
  return chunks
}

/**
 * Whether the whole chunk reads back. A yes or no, because printing the difference of two large
 * buffers takes seconds.
 */
export async function isStored(store: ChunkStore, location: Location, chunk: SampleChunk): Promise<boolean> {
  return (await readAll(store, location, chunk)).equals(chunk.bytes)
}

export function readAll(store: ChunkStore, location: Location, chunk: SampleChunk): Promise<Buffer> {
  return readRange(store, location, chunk, 0, chunk.bytes.length)
}

/**
 * Reads into the middle of a larger buffer, and fails if anything beside the range was written to.
 */
export async function readRange(
  store: ChunkStore,
  location: Location,
  { options }: SampleChunk,
  from: number,
  to: number,
): Promise<Buffer> {
  const margin = 64
  const canaries = Buffer.alloc(margin, 0xc5)
  const around = Buffer.alloc(to - from + 2 * margin, 0xc5)
  const into = around.subarray(margin, margin + to - from)
  await store.read(location, from, into, options)
  expect(around.subarray(0, margin).equals(canaries)).toBe(true)
  expect(around.subarray(margin + to - from).equals(canaries)).toBe(true)
  return into
}
