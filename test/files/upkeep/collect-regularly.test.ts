import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import { MemoryChunkStore } from '../../../src/chunks/memory/memory-chunk-store.ts'
import type { CollectedGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import { collectRegularly } from '../../../src/files/upkeep/collect-regularly.ts'
import { deleteFile } from '../../../src/files/manifests/update-file.ts'
import type { FoundOrphans } from '../../../src/files/upkeep/find-orphans.ts'
import { parseFileName } from '../../../src/model/file.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { uploadBytes } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { localCaller } from '../../../src/model/principal.ts'

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

/** The same store, whose listings begin only after `open` is called. */
function gatedList(store: ChunkStore) {
  const gate = Promise.withResolvers<void>()
  const gated: ChunkStore = {
    put: (...args) => store.put(...args),
    read: (...args) => store.read(...args),
    delete: (...args) => store.delete(...args),
    close: () => store.close(),
    async *list(options) {
      await gate.promise
      yield* store.list(options)
    },
  }
  return { gated, open: () => gate.resolve() }
}

it('garbage is collected while the search for orphans is still running, and stopping waits for both', async () => {
  const chunks = new MemoryChunkStore()
  const { gated, open } = gatedList(chunks)
  const { store, background } = faultyFileStore({ catalog: parts.catalog, chunks: gated })
  const { bytes } = sampleChunk(1000, 7)
  await uploadBytes(store, 'short-lived', bytes)
  await deleteFile(store, localCaller, { name: parseFileName('short-lived') })
  const collected: CollectedGarbage[] = []
  const found: FoundOrphans[] = []
  const times = { collectIntervalMs: 1, orphanIntervalMs: 60_000 }
  const collection = collectRegularly(store, times, {
    collected: (garbage) => collected.push(garbage),
    foundOrphans: (orphans) => found.push(orphans),
  })
  await eventually(() => expect(collected.some((garbage) => garbage.chunks === 1)).toBe(true))
  expect(found).toEqual([])
  open()
  await eventually(() => expect(found).toEqual([{ orphans: 0, bytes: 0 }]))
  await collection.stop()
  const runs = collected.length
  expect(background).toEqual([])
  // Nothing runs any more, and the next search is not due for a minute.
  expect(found).toHaveLength(1)
  expect(collected).toHaveLength(runs)
})
