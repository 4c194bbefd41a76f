import { expect, it, onTestFinished } from 'vitest'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import { sampleChunk } from '../sample-chunk.ts'
import type { SampleChunk } from '../sample-chunk.ts'
import { isStored, listed } from '../store-calls.ts'
import { smallDisk } from '../../support/small-disk.ts'

// What follows from ENOSPC is tested everywhere in durability.test.ts; this shows that a real disk
// gives it.
it('a full disk rejects no_space, keeps nothing of the chunk, and has room again after a delete', async (context) => {
  const directory = await smallDisk(2 * 1024 * 1024, context)
  const store = await DiskChunkStore.open(directory)
  onTestFinished(() => store.close())
  const chunk = sampleChunk(600_000)
  const failure = await fill(store, chunk)
  expect(failure).toMatchObject({ code: 'no_space', cause: { code: 'ENOSPC' } })
  const stored = await listed(store)
  expect(stored.length).toBeGreaterThan(1)
  expect(new Set(stored.map(({ size }) => size))).toEqual(new Set([600_000]))
  await store.delete(stored[0]!.location)
  expect(await isStored(store, await store.put(chunk.digest, [chunk.bytes]), chunk)).toBe(true)
})

/**
 * Puts the chunk until that fails, and gives the failure; a disk that takes it a hundred times is
 * not small.
 */
async function fill(store: ChunkStore, chunk: SampleChunk): Promise<unknown> {
  for (let count = 0; count < 100; count++) {
    try {
      await store.put(chunk.digest, [chunk.bytes])
    } catch (error) {
      return error
    }
  }
  return undefined
}
