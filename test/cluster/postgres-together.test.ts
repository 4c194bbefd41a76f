import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { ChunkUse } from '../../src/catalog/catalog.ts'
import { openPostgresCatalog } from '../../src/catalog/postgres/open-postgres-catalog.ts'
import type { PostgresCatalog } from '../../src/catalog/postgres/postgres-catalog.ts'
import { Transactions } from '../../src/catalog/postgres/transactions.ts'
import { collectChunks } from '../../src/catalog/sql/collect-chunks.ts'
import type { Database } from '../../src/catalog/sql/dialect.ts'
import { addManifest } from '../../src/catalog/sql/manifests.ts'
import { useChunks } from '../../src/catalog/sql/use-chunks.ts'
import {
  aChunk,
  aDigest,
  aFile,
  aLocation,
  anId,
  aSpace,
  anUpload,
  chunksOf,
  collectAll,
  garbageAmong,
  inOrder,
  named,
  outcomeOf,
  present,
  tally,
} from '../catalog/fixtures.ts'
import { patiently, PostgresServer } from './postgres-server.ts'

let server: PostgresServer
let url: string
/** Two nodes over one database. */
let nodes: readonly [PostgresCatalog, PostgresCatalog]
beforeAll(async () => {
  server = await PostgresServer.start()
  url = await server.createSchema()
  nodes = await Promise.all([openPostgresCatalog(url), openPostgresCatalog(url)])
})
afterAll(async () => {
  try {
    for (const node of nodes) await node.close()
  } finally {
    await server.stop()
  }
})

/** Does this and then stays in its transaction until what it resolves with is called. */
async function stayIn(work: (db: Database) => Promise<unknown>): Promise<() => Promise<unknown>> {
  const transactions = new Transactions(url, {
    maxConnections: 1,
    connectTimeoutMs: 5000,
    statementTimeoutMs: 0,
    preamble: '',
  })
  onTestFinished(() => transactions.close())
  const [done, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const staying = transactions.change(async (db) => {
    await work(db)
    done.resolve()
    await released.promise
  })
  await Promise.race([done.promise, staying])
  return () => {
    released.resolve()
    return staying
  }
}

/** Resolves when somebody waits for somebody else. */
async function somebodyWaits(): Promise<void> {
  const waiting = `select pid from pg_stat_activity where wait_event_type = 'Lock'`
  await expect.poll(() => server.query(waiting), patiently).not.toEqual([])
}

const create = (node: PostgresCatalog, chunks: readonly ChunkUse[]) =>
  node.createFile(aFile(aSpace(), 'x', { chunks }))

const everything = { unlinkedBefore: Number.MAX_SAFE_INTEGER, inUse: [], limit: 1000 }

/** A chunk that a collection will find without a use. */
async function anUnusedChunk() {
  await collectAll(nodes[0])
  const chunk = aChunk()
  const { file } = await create(nodes[0], [chunk])
  await nodes[0].deleteFile(file.space, { id: file.id })
  return chunk
}

describe('a chunk that is being collected', () => {
  it('stays if somebody began to use it before', async () => {
    const chunk = await anUnusedChunk()
    const id = anId()
    const release = await stayIn((db) => useChunks(db, id, 0, [present(chunk)]))
    const collected = nodes[1].collectChunks(everything)
    await somebodyWaits()
    await release()
    expect(await collected).toEqual({ hasMore: false })
    expect(await chunksOf(nodes[0], id)).toEqual(inOrder([chunk]))
    expect(await garbageAmong(nodes[0], [chunk.location])).toEqual([])
  })

  it('is gone for later transactions, and can be stored again', async () => {
    const chunk = await anUnusedChunk()
    const release = await stayIn((db) => collectChunks(db, everything))
    const believing = outcomeOf(create(nodes[0], [present(chunk)]))
    const again = { ...chunk, location: aLocation() }
    const storing = create(nodes[1], [aChunk(), again, aChunk(), present(chunk)])
    await somebodyWaits()
    await release()
    expect(await believing).toBe('chunk_gone')
    const { file } = await storing
    expect(await nodes[0].listChunks(file.id, 10, 1)).toMatchObject([{ location: again.location }])
    expect(await garbageAmong(nodes[0], [chunk.location, again.location])).toEqual([chunk.location])
  })

  it('goes with the last two uses, which two collect at the same time', async () => {
    await collectAll(nodes[0])
    const chunk = aChunk()
    const { file: one } = await create(nodes[0], [chunk])
    const { file: other } = await create(nodes[0], [present(chunk)])
    for (const { space, id } of [one, other]) await nodes[0].deleteFile(space, { id })
    const release = await stayIn((db) => collectChunks(db, { ...everything, inUse: [other.id] }))
    const second = nodes[1].collectChunks({ ...everything, inUse: [one.id] })
    await somebodyWaits()
    await release()
    await second
    expect(await nodes[0].findChunk(chunk.digest)).toBeUndefined()
    expect(await garbageAmong(nodes[0], [chunk.location])).toEqual([chunk.location])
  })

  it('is never what a file counts on, whatever many do at the same time', async () => {
    const chunks = Array.from({ length: 6 }, () => aChunk())
    const space = aSpace()
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const node = nodes[index % 2]!
        const uses = [0, 1, 2].map((step) => chunks[(index * 7 + step * (1 + (index % 3))) % 6]!)
        // Every third believes that they are there.
        const given = uses.map((use) => (index % 3 === 0 ? present(use) : aChunk(present(use))))
        const outcome = await outcomeOf(node.createFile(aFile(space, `x${index % 9}`, { chunks: given })))
        if (index % 2) await outcomeOf(node.deleteFile(space, { name: named(`x${(index * 5) % 9}`) }))
        await node.collectChunks({ ...everything, limit: 5 })
        return outcome
      }),
    )
    expect(new Set(outcomes).difference(new Set(['done', 'chunk_gone'])).size).toBe(0)
    expect(outcomes).toContain('done')
    await collectAll(nodes[0])
    const { files } = await nodes[0].listFiles({ space, prefix: '', limit: 99 })
    const lists = await Promise.all(files.map(({ id }) => nodes[0].listChunks(id, 0, 9)))
    expect(lists.map(({ length }) => length)).toEqual(files.map(() => 3))
    const locations = lists.flat().map(({ location }) => location)
    expect(await garbageAmong(nodes[0], locations)).toEqual([])
  })
})

/**
 * Those are found out after a while, and tried again: what everybody takes in one order needs none
 * of that.
 */
const expectNoDeadlock = () => expect(server.log).not.toContain('deadlock detected')

describe('of many who store the same chunks at the same time, in orders of their own,', () => {
  afterEach(expectNoDeadlock)

  it('one does, and the others use them', async () => {
    const contents = Array.from({ length: 30 }, () => aChunk())
    const digests = contents.map(({ digest }) => digest)
    const stored = Array.from({ length: 24 }, (_, index) => {
      const [before, behind] = [contents.slice(index), contents.slice(0, index)]
      const ordered = index % 2 ? [...before, ...behind] : [...before, ...behind].toReversed()
      return ordered.map(({ digest, size, blockDigests }) => aChunk({ digest, size, blockDigests }))
    })
    const committed = await Promise.all(stored.map((chunks, index) => create(nodes[index % 2]!, chunks)))
    const all = stored.flat().map(({ location }) => location)
    const used = await Promise.all(digests.map((digest) => nodes[0].findChunk(digest)))
    const locations = new Set(used.map((chunk) => chunk!.location))
    expect(locations.size).toBe(30)
    expect((await garbageAmong(nodes[0], all)).toSorted()).toEqual(
      all.filter((location) => !locations.has(location)).toSorted(),
    )
    for (const [index, { file }] of committed.entries()) {
      expect(await chunksOf(nodes[0], file.id)).toEqual(inOrder(stored[index]!))
    }
  })

  it('the first mends each that is damaged, and what the others have is garbage', async () => {
    const damaged = Array.from({ length: 10 }, () => aChunk())
    await create(nodes[0], damaged)
    const mending = Array.from({ length: 12 }, (_, index) => {
      const mended = damaged.map((chunk) => ({ ...chunk, location: aLocation(), mends: chunk.location }))
      return index % 2 ? mended : mended.toReversed()
    })
    await Promise.all(mending.map((chunks, index) => create(nodes[index % 2]!, chunks)))
    const all = [...damaged, ...mending.flat()].map(({ location }) => location)
    const used = await Promise.all(damaged.map(({ digest }) => nodes[0].findChunk(digest)))
    const locations = new Set(used.map((chunk) => chunk!.location))
    expect((await garbageAmong(nodes[0], all)).toSorted()).toEqual(
      all.filter((location) => !locations.has(location)).toSorted(),
    )
    for (const { location } of damaged) expect(locations).not.toContain(location)
  })
})

describe('names', () => {
  it('of many uploads that are finished together lead to whole files, in whatever order others have them', async () => {
    const space = aSpace()
    const names = ['d', 'a', 'c', 'b', 'a']
    const calls = Array.from({ length: 12 }, async (_, index) => {
      const node = nodes[index % 2]!
      const ordered = index % 3 ? names : names.toReversed()
      const uploads = ordered.map((name) => anUpload(space, name))
      for (const upload of uploads) await node.createUpload(upload)
      return node.finishUploads(uploads.map(({ id }) => ({ id, digest: aDigest() })))
    })
    const committed = (await Promise.all(calls)).flat()
    expect(committed.filter(({ hasReplaced }) => !hasReplaced)).toHaveLength(4)
    const { files } = await nodes[0].listFiles({ space, prefix: '', limit: 9 })
    expect(files.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
    expectNoDeadlock()
  })

  it('that two take at the same time, each that of the other, go to one of them at most', async () => {
    for (let round = 0; round < 10; round++) {
      const space = aSpace()
      const committed = await Promise.all(['a', 'b'].map((name) => nodes[0].createFile(aFile(space, name))))
      const renamed = ['b', 'a'].map((name, index) =>
        nodes[index]!.updateFile(space, { id: committed[index]!.file.id }, { name: named(name) }),
      )
      expect(await tally(renamed)).toEqual({ name_taken: 2 })
    }
  })
})

describe('what the catalog has never heard of', () => {
  it('is judged only after those who might still commit it have finished', async () => {
    const [made, lost] = [aChunk(), aChunk()]
    const release = await stayIn((db) => useChunks(db, anId(), 0, [made]))
    const orphans = [made, lost].map(({ location, size }) => ({ location, size }))
    const marked = nodes[1].markOrphans(orphans, 5)
    await somebodyWaits()
    await release()
    expect(await marked).toEqual([orphans[1]])
    expect(await garbageAmong(nodes[0], [made.location, lost.location])).toEqual([lost.location])
  })

  it('is a manifest only then, too', async () => {
    const [made, lost] = [aLocation(), aLocation()]
    const id = anId()
    const release = await stayIn((db) => addManifest(db, id, { at: 5, locations: [made] }))
    const marked = nodes[1].markUnknownManifests([made, lost], 5)
    await somebodyWaits()
    await release()
    expect(await marked).toEqual([lost])
    expect(await nodes[0].listManifestPages(id)).toEqual([made])
  })

  it('keeps nobody waiting where there is nothing of it', async () => {
    const known = aChunk()
    await create(nodes[0], [known])
    const release = await stayIn((db) => useChunks(db, anId(), 0, [aChunk()]))
    expect(await nodes[1].markOrphans([known], 5)).toEqual([])
    expect(await nodes[1].markUnknownManifests([], 5)).toEqual([])
    await release()
  })
})

it('text with a character that PostgreSQL cannot keep is found nowhere, and kept in metadata', async () => {
  const space = aSpace()
  const metadata = { zero: 'a\0b' }
  const { file } = await nodes[0].createFile(aFile(space, 'ab', { metadata }))
  await nodes[0].createFile(aFile(space, 'a'))
  expect(await nodes[1].findFile(space, { id: file.id })).toMatchObject({ metadata })
  const listed = async (query: { prefix?: string; q?: string; after?: string; delimiter?: string }) =>
    (await nodes[0].listFiles({ space, prefix: '', limit: 9, ...query })).files.map(({ name }) => name)
  expect(await listed({ q: '\0' })).toEqual([])
  expect(await listed({ prefix: 'a\0' })).toEqual([])
  expect(await listed({ delimiter: '\0' })).toEqual(['a', 'ab'])
  expect(await listed({ after: 'a\0b' })).toEqual(['ab'])
  expect(await listed({ after: 'a\0b', delimiter: '\0' })).toEqual(['ab'])
})
