import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { lostLocation } from '../../src/catalog/catalog-restore.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { deleteFile, updateFile } from '../../src/files/manifests/update-file.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import type { MigrationSource } from '../../src/files/copy/migration.ts'
import type { FileChunk } from '../../src/model/chunk.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { parseFileName, defaultSpace } from '../../src/model/file.ts'
import type { Upload } from '../../src/model/upload.ts'
import { readBack } from '../robustness/read-back.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import {
  faultyFileStore,
  openSharedParts,
  type FaultyFileStoreOptions,
  type SharedParts,
} from '../robustness/shared-parts.ts'
import { faultyCatalog, intercept } from '../support/faulty-catalog.ts'
import { collectAll, contentsOf, empty, expectSound, findByName, migrated } from './migrating.ts'
import { localCaller } from '../../src/model/principal.ts'

const chunkSize = 4 * 1024

let from: SharedParts
let to: SharedParts
beforeAll(async () => {
  ;[from, to] = await Promise.all([openSharedParts(), openSharedParts()])
})
afterAll(() => Promise.all([from.close(), to.close()]))

// All that a store has is looked at again and again, which would take longer with every test.
afterEach(() => Promise.all([from, to].map((parts) => empty(faultyFileStore(parts).store))))

let tests = 0

/** Two stores, and names that no other test has. */
function given({
  source = {},
  target = {},
}: Partial<Record<'source' | 'target', FaultyFileStoreOptions>> = {}) {
  tests += 1
  const opened = faultyFileStore(to, { chunkSize, ...target })
  return {
    source: faultyFileStore(from, { chunkSize, ...source }).store,
    target: opened.store,
    faults: opened.faults,
    prefix: `${tests}/`,
  }
}

const named = (name: string) => ({ name: parseFileName(name) })

async function expectSame(source: FileStore, target: FileStore, prefix: string): Promise<void> {
  expect(await contentsOf(target, prefix)).toEqual(await contentsOf(source, prefix))
  await expectSound(target, prefix)
}

async function uploadsOf({ catalog }: FileStore, prefix: string): Promise<readonly Upload[]> {
  const uploads = await catalog.listUploads(defaultSpace, 1000)
  return uploads.filter(({ name }) => name.startsWith(prefix))
}

/** Told of each call before it is made. */
function watched(
  chunks: ChunkStore,
  { read = async () => {}, put = async () => {} }: { [method in 'read' | 'put']?: () => Promise<void> },
): ChunkStore {
  return {
    delete: (...args) => chunks.delete(...args),
    list: (...args) => chunks.list(...args),
    close: () => chunks.close(),
    async put(...args) {
      await put()
      return chunks.put(...args)
    },
    async read(...args) {
      await read()
      return chunks.read(...args)
    },
  }
}

describe.each([
  { kind: 'short', size: 3 * chunkSize },
  { kind: 'long', size: 70 * chunkSize },
])('a $kind file is reported, and not created, and others are copied, if in the source', ({ size }) => {
  type Change = (chunks: readonly FileChunk[], second: FileChunk) => readonly FileChunk[]

  it.each<{ what: string; change: Change; says: RegExp }>([
    {
      what: 'it has a hole',
      change: (chunks, { digest }) => chunks.filter((chunk) => chunk.digest !== digest),
      says: /no chunk for byte 4096/,
    },
    {
      what: 'it has more than its bytes',
      change: (chunks) => chunks.map((chunk, at) => (at === 2 ? { ...chunk, size: chunk.size + 1 } : chunk)),
      says: /bytes, and (?:chunks|no chunk) for/,
    },
    {
      what: 'its chunks are not those of its digest',
      change: (chunks, second) =>
        chunks.map((chunk) =>
          chunk.digest === second.digest ? { ...chunks[0]!, start: chunk.start } : chunk,
        ),
      says: /Its digest does not fit its chunks/,
    },
    {
      what: 'a chunk has another digest than its blocks',
      change: (chunks, second) =>
        chunks.map((chunk) =>
          chunk.digest === second.digest ? { ...chunk, blockDigests: chunks[0]!.blockDigests } : chunk,
        ),
      says: /The digests of chunk \w+ do not fit it/,
    },
    {
      what: 'a chunk is where nothing is',
      change: (chunks, second) =>
        chunks.map((chunk) =>
          chunk.digest === second.digest ? { ...chunk, location: lostLocation } : chunk,
        ),
      says: /There is no chunk at lost/,
    },
    {
      what: 'a chunk is damaged',
      change: (chunks, second) =>
        chunks.map((chunk) =>
          chunk.digest === second.digest ? { ...chunk, location: chunks[0]!.location } : chunk,
        ),
      says: /is damaged/,
    },
  ])('$what', async ({ change, says }) => {
    const { source, target, prefix } = given()
    const name = `${prefix}bad`
    const { file } = await uploadBytes(source, name, randomBytes(size))
    await uploadBytes(source, `${prefix}good`, randomBytes(size))
    const [, second] = await source.catalog.listChunks(file.id, 0, 2)
    const misled: MigrationSource = {
      chunks: source.chunks,
      catalog: {
        listFiles: (query) => source.catalog.listFiles(query),
        async listChunks(id, at, limit) {
          const chunks = await source.catalog.listChunks(id, at, limit)
          return id === file.id ? change(chunks, second!) : chunks
        },
      },
    }
    const { copied, failed } = await migrated(misled, target, { prefix })
    expect({ copied, failed }).toEqual({
      copied: [`${prefix}good`],
      failed: [expect.stringMatching(says)],
    })
    expect(await findByName(target, name)).toBeUndefined()
    await expectSound(target, prefix)
    // When the source is mended.
    expect(await migrated(source, target, { prefix })).toMatchObject({ copied: [name], failed: [] })
    await expectSame(source, target, prefix)
  })
})

/** Changes the source when the first chunk is about to be read. */
async function changedMeanwhile(change: (source: FileStore, name: string) => Promise<unknown>, size: number) {
  let isFirst = true
  const read = async () => {
    if (!isFirst) return
    isFirst = false
    await change(plain, `${prefix}x`)
    await collectAll(plain)
  }
  const { source, target, prefix } = given({
    source: { wrapChunks: (chunks) => watched(chunks, { read }) },
  })
  const plain = given().source
  await uploadBytes(plain, `${prefix}x`, randomBytes(size))
  return { source: plain, target, prefix, outcome: await migrated(source, target, { prefix }) }
}

describe('a file that, while it is copied, is', () => {
  it.each([3 * chunkSize, 70 * chunkSize])('deleted is left out: %i bytes', async (size) => {
    const { target, outcome, prefix } = await changedMeanwhile(
      (store, name) => deleteFile(store, localCaller, named(name)),
      size,
    )
    expect(outcome).toMatchObject({ copied: [], failed: [] })
    expect(await contentsOf(target, prefix)).toEqual([])
    expect(await uploadsOf(target, prefix)).toEqual([])
    await expectSound(target, prefix)
  })

  it.each([3 * chunkSize, 70 * chunkSize])('replaced is what it is then: %i bytes', async (size) => {
    const bytes = randomBytes(size)
    const { source, target, outcome, prefix } = await changedMeanwhile(
      (store, name) => uploadBytes(store, name, bytes),
      size,
    )
    expect(outcome).toMatchObject({ copied: [`${prefix}x`], failed: [] })
    await expectSame(source, target, prefix)
    expect(bytes.equals(await readBack(target, `${prefix}x`))).toBe(true)
  })
})

it.each([
  { size: 50 * chunkSize, method: 'createFile' },
  { size: 100 * chunkSize, method: 'advanceUpload' },
] as const)('chunks that are collected before $method are put after all', async ({ size, method }) => {
  const { store: plain } = faultyFileStore(to, { chunkSize })
  const bytes = randomBytes(size)
  const { file } = await uploadBytes(plain, `there/${size}`, bytes)
  const wrapCatalog = (catalog: Catalog) =>
    intercept(catalog, method, async (call, nth) => {
      if (nth > 1) return call()
      await deleteFile(plain, localCaller, { id: file.id })
      await collectAll(plain)
      return call()
    })
  const { source, target, faults, prefix } = given({ target: { wrapCatalog } })
  await uploadBytes(source, `${prefix}x`, bytes)
  faults.replan([])
  expect(await migrated(source, target, { prefix })).toMatchObject({ copied: [`${prefix}x`], failed: [] })
  expect(faults.calls.put).toBeGreaterThan(0)
  await expectSame(source, target, prefix)
})

/** Begins with so many chunks, until so many were put. */
async function interruptedAfter(puts: number, chunks: number) {
  const controller = new AbortController()
  const reason = new Error('interrupted')
  let begun = 0
  const put = async () => {
    begun += 1
    if (begun === puts) controller.abort(reason)
  }
  const { source, target, prefix } = given({ target: { wrapChunks: (store) => watched(store, { put }) } })
  const { file } = await uploadBytes(source, `${prefix}x`, randomBytes(chunks * chunkSize))
  const { signal } = controller
  expect(await migrated(source, target, { prefix, signal })).toMatchObject({
    copied: [],
    failed: [],
    stoppedBy: reason,
  })
  expect(await contentsOf(target, prefix)).toEqual([])
  const upload = await target.catalog.findUpload(defaultSpace, file.id)
  return { source, prefix, offset: upload?.offset, ...faultyFileStore(to, { chunkSize }) }
}

describe('interrupted', () => {
  it('in the middle of a long file it goes on there, and brings nothing twice', async () => {
    const { source, store, faults, prefix, offset } = await interruptedAfter(150, 200)
    const left = 200 - offset! / chunkSize
    expect(left).toBeGreaterThan(49)
    expect(left).toBeLessThan(200)
    await expectSound(store, prefix)
    const { copied, bytes } = await migrated(source, store, { prefix })
    expect({ copied, bytes }).toEqual({ copied: [`${prefix}x`], bytes: 200 * chunkSize })
    expect(faults.calls.put).toBe(left)
    await expectSame(source, store, prefix)
  })

  it('in the middle of a file that is called otherwise by then it goes on there, too', async () => {
    const { source, store, faults, prefix, offset } = await interruptedAfter(150, 200)
    await updateFile(source, localCaller, named(`${prefix}x`), {
      name: parseFileName(`${prefix}y`),
      metadata: { a: 'b' },
    })
    await uploadBytes(source, `${prefix}x`, randomBytes(10))
    await migrated(source, store, { prefix })
    expect(faults.calls.put).toBe(1 + 200 - offset! / chunkSize)
    await expectSame(source, store, prefix)
    expect(await uploadsOf(store, prefix)).toEqual([])
  })

  it('in the middle of a short file it leaves nothing', async () => {
    const { store, prefix, offset } = await interruptedAfter(10, 30)
    expect(offset).toBeUndefined()
    await expectSound(store, prefix)
    expect(await contentsOf(store, prefix)).toEqual([])
  })

  it('before it begins it does nothing', async () => {
    const { source, target, faults, prefix } = given()
    await uploadBytes(source, `${prefix}x`, randomBytes(10))
    const reason = new Error('interrupted')
    const { copied, stoppedBy } = await migrated(source, target, {
      prefix,
      signal: AbortSignal.abort(reason),
    })
    expect({ copied, stoppedBy, puts: faults.calls.put }).toEqual({ copied: [], stoppedBy: reason, puts: 0 })
  })
})

describe('buffers', () => {
  const large = 3 * blockBytes - 5

  it('hold a chunk as large as all of them, and no larger one', async () => {
    const { source, prefix } = given({ source: { chunkSize: large } })
    const { target } = given({ target: { maxBufferMemory: 3 * blockBytes } })
    const { target: smaller } = given({ target: { maxBufferMemory: 3 * blockBytes - 1 } })
    for (const name of ['a', 'b']) await uploadBytes(source, prefix + name, randomBytes(large))
    await uploadBytes(source, `${prefix}c`, randomBytes(10))
    expect(await migrated(source, smaller, { prefix })).toMatchObject({
      copied: [`${prefix}c`],
      failed: ['a', 'b'].map(
        (name) =>
          `${prefix}${name}: It has a chunk of ${large} bytes, which needs a --max-buffer-memory of at least ${3 * blockBytes}.`,
      ),
    })
    expect(await migrated(source, target, { prefix })).toMatchObject({
      copied: [`${prefix}a`, `${prefix}b`],
      failed: [],
    })
    expect(await contentsOf(target, prefix)).toEqual(await contentsOf(source, prefix))
    for (const name of ['a', 'b'])
      expect((await readBack(source, prefix + name)).equals(await readBack(target, prefix + name))).toBe(true)
  })

  it('that are too few for all who want them are never waited for in a circle', async () => {
    const { source, prefix } = given({ source: { chunkSize: large } })
    const { target } = given({ target: { maxBufferMemory: 5 * blockBytes, maxUploadConcurrency: 4 } })
    await Promise.all(
      Array.from({ length: 6 }, (_, n) => uploadBytes(source, `${prefix}${n}`, randomBytes(large + n))),
    )
    expect((await migrated(source, target, { prefix })).copied).toHaveLength(6)
    await expectSame(source, target, prefix)
  })

  it('are filled for no more chunks at once than are stored at once', async () => {
    const concurrency = { now: 0, most: 0 }
    const put = async () => {
      concurrency.now += 1
      concurrency.most = Math.max(concurrency.most, concurrency.now)
      await new Promise(setImmediate)
      concurrency.now -= 1
    }
    const { source, target, prefix } = given({
      target: { maxUploadConcurrency: 3, wrapChunks: (store) => watched(store, { put }) },
    })
    for (const name of ['a', 'b', 'c']) await uploadBytes(source, prefix + name, randomBytes(20 * chunkSize))
    await migrated(source, target, { prefix })
    expect(concurrency.most).toBe(3)
  })
})

async function givenMany(options: FaultyFileStoreOptions) {
  const { source, target, prefix } = given({ target: options })
  await Promise.all(
    Array.from({ length: 40 }, (_, n) => uploadBytes(source, `${prefix}${n + 10}`, randomBytes(10 + n))),
  )
  return { source, target, prefix }
}

describe('a store that cannot be used', () => {
  it.each(['refuse', 'no-space'] as const)('(%s) is given up after a while', async (kind) => {
    const { source, target, prefix } = await givenMany({ plan: [{ on: 'put', call: 'every', kind }] })
    const { copied, failed, stoppedBy } = await migrated(source, target, { prefix })
    expect(copied).toEqual([])
    expect(failed).toHaveLength(16)
    expect(stoppedBy).toMatchObject({ code: kind === 'refuse' ? 'unavailable' : 'no_space' })
    await expectSound(target, prefix)
  })

  it('now and then keeps nothing else from being copied', async () => {
    const { source, target, prefix } = await givenMany({
      plan: [3, 5, 17].map((call) => ({ on: 'put', call, kind: 'refuse' })),
    })
    const { copied, failed, stoppedBy } = await migrated(source, target, { prefix })
    expect([copied.length, failed.length, stoppedBy]).toEqual([37, 3, undefined])
    expect(await migrated(source, target, { prefix })).toMatchObject({ failed: [] })
    await expectSame(source, target, prefix)
  })

  it('for lack of space is not filled to the brim', async () => {
    let free = Infinity
    const { source, target, faults, prefix } = given({ target: { freeBytes: async () => free } })
    await uploadBytes(source, `${prefix}fits`, randomBytes(100))
    expect(await migrated(source, target, { prefix })).toMatchObject({
      copied: [`${prefix}fits`],
      failed: [],
    })
    free = 100
    await expect.poll(() => target.freeSpace.free(), { interval: 5 }).toBe(free)
    const { put } = faults.calls
    await uploadBytes(source, `${prefix}large`, randomBytes(101))
    expect(await migrated(source, target, { prefix })).toMatchObject({
      copied: [],
      failed: [expect.stringMatching(/large: .*no room for 101 bytes/)],
    })
    expect(faults.calls.put).toBe(put)
  })

  it.each(['createFile', 'createUpload', 'advanceUpload', 'finishUploads', 'findFile', 'findChunk'] as const)(
    'has all when it is done again, whatever came of %s',
    async (on) => {
      for (const kind of ['refuse', 'lose-reply'] as const) {
        const { source, target, prefix } = given({
          target: { wrapCatalog: (catalog) => faultyCatalog(catalog, [{ on, call: 1, kind }]) },
        })
        for (const size of [3, 70])
          await uploadBytes(source, `${prefix}${size}`, randomBytes(size * chunkSize))
        expect((await migrated(source, target, { prefix })).failed).toHaveLength(1)
        expect(await migrated(source, target, { prefix })).toMatchObject({ failed: [] })
        await expectSame(source, target, prefix)
      }
    },
  )
})
