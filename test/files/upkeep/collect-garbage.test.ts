import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import type { InUse, Membership } from '../../../src/catalog/membership.ts'
import { heartbeat } from '../../../src/files/upkeep/heartbeat.ts'
import { openFile } from '../../../src/files/download/download.ts'
import type { FileStore } from '../../../src/files/state/file-store.ts'
import { newLocation } from '../../../src/chunks/chunk-location.ts'
import { uploadFile } from '../../../src/files/upload/upload-file.ts'
import { BlockHasher, digestOfChunk } from '../../../src/model/hashers.ts'
import {
  parseFileId,
  parseFileName,
  defaultSpace,
  type FileId,
  type StoredFile,
} from '../../../src/model/file.ts'
import { aChunk, aDigest, aFile } from '../../catalog/fixtures.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { storedFiles } from '../../chunks/stored-files.ts'
import { faulty } from '../../support/faulty.ts'
import { request } from '../../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { localCaller } from '../../../src/model/principal.ts'

const chunkSize = 1000

let server: TestServer
let store: FileStore

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  store = server.store
  return server.stop
})

afterEach(async () => {
  const { files } = await store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 100 })
  for (const { id } of files) await store.catalog.deleteFile(defaultSpace, { id })
  await collect(store)
  const left = chunkCount(server)
  if (left > 0) throw new Error(`${left} chunks were used by nobody and not collected`)
})

/**
 * Unless told otherwise, without time of grace: also what was unlinked in this very millisecond.
 */
async function collect(of: FileStore, collectGraceMs = -1, signal?: AbortSignal) {
  const { uploads, chunks } = await collectGarbage(
    { ...of, options: { ...of.options, collectGraceMs } },
    signal,
  )
  return { uploads, chunks }
}

function chunkCount({ chunkDirectory }: TestServer): number {
  return storedFiles(chunkDirectory).size
}

const nameOf = (text: string) => ({ name: parseFileName(text) })

async function given(text: string, bytes: Buffer, of = store): Promise<StoredFile> {
  const { file } = await uploadFile(of, localCaller, () => Readable.from([bytes]), {
    ...nameOf(text),
    mediaType: 'text/plain',
  })
  return file
}

const remove = (text: string, of = store) => of.catalog.deleteFile(defaultSpace, nameOf(text))

async function contentOf(text: string, of = server): Promise<Buffer> {
  return (await request(of, 'GET', `/files/${text}`)).body
}

describe('chunks go', () => {
  it('of a file that was deleted', async () => {
    await given('deleted', randomBytes(3500))
    expect(chunkCount(server)).toBe(4)
    await remove('deleted')
    const options = { ...store.options, collectGraceMs: -1 }
    expect(await collectGarbage({ ...store, options })).toEqual({ uploads: 0, chunks: 4, bytes: 3500 })
    expect(chunkCount(server)).toBe(0)
  })

  it('of a file that was replaced', async () => {
    await given('replaced', randomBytes(3500))
    const young = randomBytes(1500)
    await given('replaced', young)
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 4 })
    expect((await contentOf('replaced')).equals(young)).toBe(true)
  })

  it('when their time of grace is over, and not before', async () => {
    await given('deleted', randomBytes(500))
    await remove('deleted')
    expect(await collect(store, 60_000)).toEqual({ uploads: 0, chunks: 0 })
    expect(chunkCount(server)).toBe(1)
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 1 })
  })

  it('in as many steps as it takes', async () => {
    const chunks = Array.from({ length: 1200 }, () => {
      const digest = aDigest()
      // Nothing is there: to delete what is gone already is to delete it.
      return aChunk({ digest, location: newLocation(digest) })
    })
    await store.catalog.createFile(aFile(defaultSpace, 'many', { chunks }))
    await remove('many')
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 1200 })
  })
})

describe('chunks stay', () => {
  it('of files that are there', async () => {
    const bytes = randomBytes(2500)
    await given('there', bytes)
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 0 })
    expect((await contentOf('there')).equals(bytes)).toBe(true)
  })

  it('that another file has too', async () => {
    const shared = randomBytes(2000)
    await given('one', Buffer.concat([shared, randomBytes(500)]))
    await given('two', Buffer.concat([shared, randomBytes(500)]))
    expect(chunkCount(server)).toBe(4)
    await remove('one')
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 1 })
    expect((await contentOf('two')).subarray(0, 2000).equals(shared)).toBe(true)
  })

  it('of a file that is open, until all who opened it have closed it', async () => {
    const { id } = await given('open', randomBytes(2500))
    const opened = [
      await openFile(store, localCaller, { id }),
      await openFile(store, localCaller, nameOf('open')),
    ]
    await remove('open')
    for (const each of opened) {
      expect(await collect(store)).toEqual({ uploads: 0, chunks: 0 })
      expect(await store.catalog.listChunks(id, 0, 10)).toHaveLength(3)
      each?.close()
    }
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 3 })
  })

  it('of a file that somebody is about to find', async () => {
    await given('found', randomBytes(2500))
    const looked = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const opening = store.activeDownloads.open(async () => {
      const found = await store.catalog.findFile(defaultSpace, nameOf('found'))
      looked.resolve()
      await gate.promise
      return found
    })
    // A delete that overtakes the search would leave nothing to find.
    await looked.promise
    expect(store.activeDownloads.lookupsSince).toBeLessThan(Infinity)
    await remove('found')
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 0 })
    gate.resolve()
    const opened = await opening
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 0 })
    opened?.close()
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 3 })
  })
})

/** One with a chunk of its own. */
async function givenUpload(expiresAt: number): Promise<FileId> {
  const id = parseFileId(randomUUIDv7())
  const upload = { id, space: defaultSpace, ...nameOf('upload'), mediaType: 'a/b', metadata: {}, expiresAt }
  await store.catalog.createUpload(upload)
  const bytes = randomBytes(chunkSize)
  const hasher = new BlockHasher()
  hasher.update(bytes)
  const blockDigests = hasher.finish()
  const digest = digestOfChunk(blockDigests)
  const location = await store.chunks.put(digest, [bytes])
  await store.catalog.advanceUpload(
    id,
    0,
    [{ digest, size: bytes.length, blockDigests, location }],
    expiresAt,
  )
  return id
}

describe('an upload', () => {
  it('goes when it has expired, and its chunks with it', async () => {
    const id = await givenUpload(Date.now() - 1)
    expect(await collect(store)).toEqual({ uploads: 1, chunks: 1 })
    expect(await store.catalog.findUpload(defaultSpace, id)).toBeUndefined()
  })

  it('goes without any time of grace', async () => {
    await givenUpload(Date.now() - 1)
    expect(await collect(store, 60_000)).toEqual({ uploads: 1, chunks: 1 })
  })

  it('stays until it expires', async () => {
    const id = await givenUpload(Date.now() + 60_000)
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 0 })
    expect(await store.catalog.findUpload(defaultSpace, id)).toMatchObject({ offset: chunkSize })
    await store.catalog.deleteUpload(id)
    expect(await collect(store)).toEqual({ uploads: 0, chunks: 1 })
  })

  it('stays while it is being received, however long that takes', async () => {
    const received = await givenUpload(Date.now() - 1)
    const idle = await givenUpload(Date.now() - 1)
    store.receiving.add(received)
    expect(await collect(store)).toEqual({ uploads: 1, chunks: 1 })
    expect(await store.catalog.findUpload(defaultSpace, received)).toBeDefined()
    expect(await store.catalog.findUpload(defaultSpace, idle)).toBeUndefined()
    store.receiving.delete(received)
    expect(await collect(store)).toEqual({ uploads: 1, chunks: 1 })
  })
})

/** Two processes that tell each other what they count on. */
function sharing() {
  const told = new Map<string, InUse>()
  const membershipOf = (name: string): Membership => ({
    async heartbeat(own) {
      told.set(name, own)
      const all = [...told.values()]
      return { ...own, inUse: all.flatMap(({ inUse }) => inUse) }
    },
  })
  const one = { ...store, membership: membershipOf('one'), receiving: new Set<FileId>() }
  const other = { ...store, membership: membershipOf('other'), receiving: new Set<FileId>() }
  return { one, other }
}

describe('over a catalog that others share, an upload', () => {
  it('stays while another process is receiving it, however long ago it expired', async () => {
    const { one, other } = sharing()
    const id = await givenUpload(0)
    other.receiving.add(id)
    await heartbeat(other)
    expect(await collect(one)).toEqual({ uploads: 0, chunks: 0 })
    expect(await store.catalog.findUpload(defaultSpace, id)).toBeDefined()
    other.receiving.delete(id)
    await heartbeat(other)
    expect(await collect(one)).toEqual({ uploads: 1, chunks: 1 })
  })

  it('stays for as long as another process may have begun to receive it without telling', async () => {
    const { one } = sharing()
    const id = await givenUpload(Date.now() - 1)
    expect(await collect(one)).toEqual({ uploads: 0, chunks: 0 })
    await store.catalog.deleteUpload(id)
    expect(await collect(one)).toEqual({ uploads: 0, chunks: 1 })
  })
})

describe('a chunk store that fails', () => {
  it.each(['refuse', 'lose-reply'] as const)(
    'at one delete (%s) loses nothing, and it is made up for',
    async (kind) => {
      const failing = await startTestServer({
        chunkSize,
        wrapChunks: (chunks) => faulty(chunks, [{ on: 'delete', call: 2, kind }]),
      })
      const kept = randomBytes(2500)
      await given('kept', kept, failing.store)
      await given('deleted', randomBytes(4000), failing.store)
      await remove('deleted', failing.store)

      await expect(collect(failing.store)).rejects.toMatchObject({ code: 'unavailable' })
      // The others went all the same.
      expect(await failing.store.catalog.listGarbage(10)).toHaveLength(1)
      expect(await collect(failing.store)).toEqual({ uploads: 0, chunks: 1 })
      expect(chunkCount(failing)).toBe(3)
      expect((await contentOf('kept', failing)).equals(kept)).toBe(true)
    },
  )

  it('at every delete is not asked for ever', async () => {
    const wrapChunks: Parameters<typeof startTestServer>[0] = {
      chunkSize,
      wrapChunks: (chunks) => faulty(chunks, [{ on: 'delete', call: 'every', kind: 'refuse' }]),
    }
    const failing = await startTestServer(wrapChunks)
    await given('deleted', randomBytes(4000), failing.store)
    await remove('deleted', failing.store)
    await expect(collect(failing.store)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await failing.store.catalog.listGarbage(10)).toHaveLength(4)
  })
})

it('that is told to end does nothing more', async () => {
  await given('deleted', randomBytes(500))
  await remove('deleted')
  await expect(collect(store, -1, AbortSignal.abort())).rejects.toThrow('aborted')
  expect(chunkCount(server)).toBe(1)
})

it('beside itself, and beside files with the same content that come and go, loses nothing', async () => {
  const bytes = randomBytes(3 * chunkSize)
  const over = new AbortController()
  const collecting = [1, 2].map(async () => {
    while (!over.signal.aborted) await collect(store)
  })
  for (let round = 0; round < 15; round++) {
    await given(`round/${round}`, bytes)
    expect((await contentOf(`round/${round}`)).equals(bytes)).toBe(true)
    if (round < 14) await remove(`round/${round}`)
  }
  over.abort()
  await Promise.all(collecting)
  expect((await contentOf('round/14')).equals(bytes)).toBe(true)
  expect(chunkCount(server)).toBe(3)
})

it('deletes few manifests at once where each takes a connection', async () => {
  const { batching: _, ...others } = store
  const { digest, bytes } = sampleChunk(10)
  const ended = await Promise.all(Array.from({ length: 30 }, () => store.manifests.put(digest, [bytes])))
  await store.catalog.markUnknownManifests(ended, 0)
  let running = 0
  let most = 0
  const manifests: ChunkStore = {
    put: (...args) => store.manifests.put(...args),
    read: (...args) => store.manifests.read(...args),
    list: (...args) => store.manifests.list(...args),
    close: () => store.manifests.close(),
    async delete(location, options) {
      most = Math.max(most, ++running)
      await nextTurn()
      await store.manifests.delete(location, options)
      running--
    },
  }
  await collect({ ...others, manifests })
  expect(most).toBe(8)
  expect(await store.catalog.listUnlinkedManifests(100)).toEqual([])
})
