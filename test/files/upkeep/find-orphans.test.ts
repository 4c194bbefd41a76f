import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChunkStore, StoredChunk } from '../../../src/chunks/chunk-store.ts'
import { MemoryChunkStore } from '../../../src/chunks/memory/memory-chunk-store.ts'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import type { FileStore } from '../../../src/files/state/file-store.ts'
import { findOrphans, orphanBatch } from '../../../src/files/upkeep/find-orphans.ts'
import { uploadFile } from '../../../src/files/upload/upload-file.ts'
import { StoreError } from '../../../src/model/errors.ts'
import { parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { aDigest, aLocation } from '../../catalog/fixtures.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { intercept } from '../../support/faulty-catalog.ts'
import { readBack } from '../../robustness/read-back.ts'
import { bodyOf, uploadBytes } from '../../robustness/send-body.ts'
import {
  faultyFileStore,
  openSharedParts,
  type FaultyFileStoreOptions,
  type SharedParts,
} from '../../robustness/shared-parts.ts'
import { expectIdle } from '../../robustness/store-contents.ts'
import { localCaller } from '../../../src/model/principal.ts'

const chunkSize = 64 * 1024
const nothing = { orphans: 0, bytes: 0 }

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

/** Over chunks of its own: what is another test's business is no orphan here. */
function freshStore(options: FaultyFileStoreOptions = {}) {
  const chunks = new MemoryChunkStore()
  return { chunks, ...faultyFileStore({ catalog: parts.catalog, chunks }, { orphanGraceMs: -1, ...options }) }
}

async function locationsIn(chunks: ChunkStore): Promise<readonly string[]> {
  const locations: string[] = []
  for await (const { location } of chunks.list()) locations.push(location)
  return locations
}

/** Puts past the file store, as somebody did who is dead by now. */
async function leaveBehind(chunks: ChunkStore, ...sizes: readonly number[]): Promise<void> {
  for (const size of sizes) await chunks.put(sampleChunk(size).digest, [sampleChunk(size).bytes])
}

function upload(store: FileStore, name: string, body: Readable) {
  return uploadFile(store, localCaller, () => body, { name: parseFileName(name), mediaType: 'a/b' })
}

describe('what the catalog has never heard of', () => {
  it('is found once, and collected with the garbage', async () => {
    const { store, chunks } = freshStore()
    const { bytes } = sampleChunk(3 * chunkSize, 1)
    await uploadBytes(store, 'kept', bytes)
    await leaveBehind(chunks, 1000, 234)
    expect(await findOrphans(store)).toEqual({ orphans: 2, bytes: 1234 })
    expect(await findOrphans(store)).toEqual(nothing)
    expect(await collectGarbage(store)).toEqual({ uploads: 0, chunks: 2, bytes: 1234 })
    expect(await locationsIn(chunks)).toHaveLength(3)
    expect((await readBack(store, 'kept')).equals(bytes)).toBe(true)
    expect(await findOrphans(store)).toEqual(nothing)
  })

  it('stays while its time of grace lasts', async () => {
    const { store, chunks } = freshStore({ orphanGraceMs: 60_000 })
    await leaveBehind(chunks, 1000)
    expect(await findOrphans(store)).toEqual({ orphans: 1, bytes: 1000 })
    expect(await collectGarbage(store)).toEqual({ uploads: 0, chunks: 0, bytes: 0 })
    expect(await locationsIn(chunks)).toHaveLength(1)
    const hasty = { ...store, options: { ...store.options, orphanGraceMs: -1 } }
    expect(await collectGarbage(hasty)).toEqual({ uploads: 0, chunks: 1, bytes: 1000 })
  })

  it('is what a put leaves whose reply is lost', async () => {
    const { store, chunks } = freshStore({ plan: [{ on: 'put', call: 1, kind: 'lose-reply' }] })
    const { bytes } = sampleChunk(500, 2)
    await expect(uploadBytes(store, 'lost', bytes)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await locationsIn(chunks)).toHaveLength(1)
    expect(await findOrphans(store)).toEqual({ orphans: 1, bytes: 500 })
    await uploadBytes(store, 'there', bytes)
    expect(await collectGarbage(store)).toMatchObject({ chunks: 1 })
    expect((await readBack(store, 'there')).equals(bytes)).toBe(true)
  })

  it('is what is left where deleting it failed', async () => {
    const { store, background } = freshStore({
      plan: [{ on: 'delete', call: 1, kind: 'refuse' }],
      wrapCatalog: (catalog) =>
        intercept(catalog, 'createFile', async () => {
          throw new StoreError('no_space', 'The catalog is full, as planned.', { isRefusal: true })
        }),
    })
    await expect(uploadBytes(store, 'refused', sampleChunk(500, 3).bytes)).rejects.toThrow('full')
    await eventually(() => expect(background).toHaveLength(1))
    expect(await findOrphans(store)).toEqual({ orphans: 1, bytes: 500 })
  })

  it('is not what the catalog took without being able to say so', async () => {
    const { store, chunks } = freshStore({
      wrapCatalog: (catalog) =>
        intercept(catalog, 'createFile', async (call) => {
          await call()
          throw new StoreError('unavailable', 'The answer is lost, as planned.')
        }),
    })
    const { bytes } = sampleChunk(500, 4)
    await expect(uploadBytes(store, 'taken', bytes)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await findOrphans(store)).toEqual(nothing)
    expect(await locationsIn(chunks)).toHaveLength(1)
    expect((await readBack(store, 'taken')).equals(bytes)).toBe(true)
  })

  it('is what the catalog has refused to say anything about, and has not taken', async () => {
    const { store } = freshStore({
      wrapCatalog: (catalog) =>
        intercept(catalog, 'createFile', async () => {
          throw new StoreError('unavailable', 'Nothing is done, as planned.')
        }),
    })
    await expect(uploadBytes(store, 'x', sampleChunk(500, 5).bytes)).rejects.toThrow('planned')
    expect(await findOrphans(store)).toEqual({ orphans: 1, bytes: 500 })
  })
})

describe('an upload under way keeps', () => {
  it('what it has put and the catalog will hear of when the last byte is there', async () => {
    const { store, chunks } = freshStore()
    const { bytes } = sampleChunk(2 * chunkSize, 6)
    const isSeen = Promise.withResolvers<void>()
    const body = async function* () {
      yield bytes.subarray(0, chunkSize)
      await isSeen.promise
      yield bytes.subarray(chunkSize)
    }
    const uploading = upload(store, 'slow', Readable.from(body(), { objectMode: false }))
    await eventually(async () => expect(await locationsIn(chunks)).toHaveLength(1))
    expect(await findOrphans(store)).toEqual(nothing)
    isSeen.resolve()
    await uploading
    expect(await findOrphans(store)).toEqual(nothing)
    expect((await readBack(store, 'slow')).equals(bytes)).toBe(true)
  })

  it('what a put has written that has not returned: who looks for orphans waits for it', async () => {
    const written = Promise.withResolvers<void>()
    const mayReturn = Promise.withResolvers<void>()
    const { store, chunks } = freshStore({
      wrapChunks: (wrapped) => ({
        ...wrapped,
        put: async (...call) => {
          const location = await wrapped.put(...call)
          written.resolve()
          await mayReturn.promise
          return location
        },
      }),
    })
    const { bytes } = sampleChunk(500, 7)
    const uploading = uploadBytes(store, 'putting', bytes)
    await written.promise
    expect(await locationsIn(chunks)).toHaveLength(1)
    let found: unknown
    const finding = findOrphans(store).then((orphans) => (found = orphans))
    // Everything else that it could be waiting for answers meanwhile.
    await parts.catalog.listUnknown([aLocation()])
    await parts.catalog.forgetGarbage([])
    expect(found).toBeUndefined()
    mayReturn.resolve()
    await Promise.all([uploading, finding])
    expect(found).toEqual(nothing)
    expect((await readBack(store, 'putting')).equals(bytes)).toBe(true)
  })

  it('what the catalog is just being told of', async () => {
    const told = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const { store } = freshStore({
      wrapCatalog: (catalog) =>
        intercept(catalog, 'createFile', async (call) => {
          told.resolve()
          await goOn.promise
          return call()
        }),
    })
    const { bytes } = sampleChunk(500, 8)
    const uploading = uploadBytes(store, 'telling', bytes)
    await told.promise
    expect(await findOrphans(store)).toEqual(nothing)
    goOn.resolve()
    await uploading
    expect((await readBack(store, 'telling')).equals(bytes)).toBe(true)
  })

  it('nothing once it has broken off, and nothing is remembered of it', async () => {
    const { store, chunks } = freshStore()
    const body = async function* () {
      yield sampleChunk(2 * chunkSize, 9).bytes
      await eventually(async () => expect(await locationsIn(chunks)).toHaveLength(2))
      throw new Error('broken off')
    }
    await expect(upload(store, 'broken', Readable.from(body(), { objectMode: false }))).rejects.toThrow(
      'broken off',
    )
    await expectIdle(store)
    await eventually(async () => expect(await locationsIn(chunks)).toEqual([]))
    expect(await findOrphans(store)).toEqual(nothing)
  })
})

it('loses nothing beside uploads, deletes and itself', async () => {
  const { store, chunks } = freshStore()
  const over = new AbortController()
  const looking = [1, 2].map(async () => {
    while (!over.signal.aborted) {
      await findOrphans(store)
      await collectGarbage(store)
    }
  })
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let round = 0; round < 12; round++) {
      const { bytes } = sampleChunk(chunkSize + 1 + round, 100 + writer)
      await upload(store, `busy/${writer}`, bodyOf(bytes))
      expect((await readBack(store, `busy/${writer}`)).equals(bytes)).toBe(true)
      if (round % 3 === 0) {
        await store.catalog.deleteFile(defaultSpace, { name: parseFileName(`busy/${writer}`) })
      }
    }
  })
  await Promise.all(writers)
  over.abort()
  await Promise.all(looking)
  await eventually(async () => {
    await collectGarbage(store)
    expect(await locationsIn(chunks)).toHaveLength(8)
  })
  // Neither is anything remembered for ever.
  await expectIdle(store)
})

it('holds a batch of a large listing at a time, and asks for the next when that is done', async () => {
  const many = 2 * orphanBatch + 5
  let listed = 0
  const batches: number[] = []
  const { store } = freshStore({
    wrapCatalog: (catalog) =>
      intercept(catalog, 'markOrphans', async (call) => {
        batches.push(listed)
        return call()
      }),
    wrapChunks: (wrapped) => ({
      ...wrapped,
      async *list(): AsyncGenerator<StoredChunk> {
        for (; listed < many; listed++) yield { location: aLocation(), digest: aDigest(), size: 1 }
      },
    }),
  })
  expect(await findOrphans(store)).toEqual({ orphans: many, bytes: many })
  expect(batches).toEqual([orphanBatch - 1, 2 * orphanBatch - 1, many])
})

it('that is told to end looks no further', async () => {
  const { store, chunks } = freshStore()
  await leaveBehind(chunks, 10)
  await expect(findOrphans(store, AbortSignal.abort())).rejects.toThrow('aborted')
  expect(await findOrphans(store)).toEqual({ orphans: 1, bytes: 10 })
})
