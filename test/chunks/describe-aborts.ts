import { describe, expect, it } from 'vitest'
import type { CallOptions, ChunkStore } from '../../src/chunks/chunk-store.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { sampleChunk } from './sample-chunk.ts'
import { isStored, listed } from './store-calls.ts'

/** The part of `describeChunkStore` that is about signals. */
export function describeAborts(open: () => Promise<ChunkStore>): void {
  describe('an abort', () => {
    const reason = new Error('nobody wants it any more')
    const aborted: CallOptions = { signal: AbortSignal.abort(reason) }

    it('before the call rejects with its reason and does nothing', async () => {
      const store = await open()
      const chunk = sampleChunk(1000)
      const location = await store.put(chunk.digest, [chunk.bytes])
      const into = Buffer.alloc(1000, 7)
      await expect(store.put(chunk.digest, [chunk.bytes], aborted)).rejects.toBe(reason)
      await expect(store.read(location, 0, into, { ...chunk.options, ...aborted })).rejects.toBe(reason)
      await expect(store.delete(location, aborted)).rejects.toBe(reason)
      await expect(listed(store, aborted)).rejects.toBe(reason)
      expect(into.equals(Buffer.alloc(1000, 7))).toBe(true)
      expect(await listed(store)).toEqual([{ location, digest: chunk.digest, size: 1000 }])
    })

    it('during a put rejects with its reason, or comes too late', async () => {
      const store = await open()
      const chunk = sampleChunk(blockBytes + 1)
      const location = await abortedMeanwhile((signal) => store.put(chunk.digest, [chunk.bytes], { signal }))
      expect(location === 'aborted' || (await isStored(store, location, chunk))).toBe(true)
      expect(await isStored(store, await store.put(chunk.digest, [chunk.bytes]), chunk)).toBe(true)
    })

    it('during a read lets nothing write to the buffer once the read has settled', async () => {
      const store = await open()
      const chunk = sampleChunk(2 * blockBytes)
      const location = await store.put(chunk.digest, [chunk.bytes])
      const into = Buffer.alloc(chunk.bytes.length)
      const outcome = await abortedMeanwhile((signal) =>
        store.read(location, 0, into, { ...chunk.options, signal }),
      )
      expect(outcome === 'aborted' || into.equals(chunk.bytes)).toBe(true)
      into.fill(7)
      expect(await isStored(store, location, chunk)).toBe(true)
      expect(into.equals(Buffer.alloc(into.length, 7))).toBe(true)
    })

    it('during a delete rejects with its reason, or comes too late', async () => {
      const store = await open()
      const chunk = sampleChunk(1000)
      const location = await store.put(chunk.digest, [chunk.bytes])
      const outcome = await abortedMeanwhile((signal) => store.delete(location, { signal }))
      expect(outcome === 'aborted' || (await listed(store)).length === 0).toBe(true)
      await store.delete(location)
      expect(await listed(store)).toEqual([])
    })

    it('during a list ends it with the reason', async () => {
      const store = await open()
      for (const seed of [1, 2]) {
        const chunk = sampleChunk(10, seed)
        await store.put(chunk.digest, [chunk.bytes])
      }
      const controller = new AbortController()
      const chunks = store.list({ signal: controller.signal })[Symbol.asyncIterator]()
      expect(await chunks.next()).toMatchObject({ value: { size: 10 } })
      controller.abort(reason)
      await expect(chunks.next()).rejects.toBe(reason)
    })
  })
}

/**
 * What the call resolves with, or `aborted` if it rejects with exactly the reason that its signal
 * was given.
 */
async function abortedMeanwhile<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T | 'aborted'> {
  const controller = new AbortController()
  const reason = new Error('aborted meanwhile')
  const pending = call(controller.signal)
  controller.abort(reason)
  try {
    return await pending
  } catch (error) {
    if (error === reason) return 'aborted'
    throw error
  }
}
