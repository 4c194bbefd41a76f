import { expect, it } from 'vitest'
import type { Catalog, ChunkUse } from '../../../src/catalog/catalog.ts'
import type { ChunkPosition } from '../../../src/catalog/upkeep.ts'
import type { Chunk } from '../../../src/model/chunk.ts'
import type { Digest } from '../../../src/model/digest.ts'
import { FileHasher } from '../../../src/model/hashers.ts'
import {
  aChunk,
  aDigest,
  aFile,
  aLocation,
  anId,
  aSpace,
  anUpload,
  collectAll,
  completePart,
  inAMinute,
  named,
  outcomeOf,
  present,
  startUpload,
} from '../fixtures.ts'

function digestOf(chunks: readonly ChunkUse[]): Digest {
  const hasher = new FileHasher()
  for (const { digest } of chunks) hasher.add(digest)
  return hasher.digest()
}

export function describeInspection(opened: () => Catalog): void {
  const create = async (name: string, chunks: readonly ChunkUse[], digest = digestOf(chunks)) =>
    (await opened().createFile(aFile(aSpace(), name, { chunks, digest }))).file

  it('lists all chunks by location, a page at a time', async () => {
    const chunks = Array.from({ length: 5 }, () => aChunk())
    await create('x', chunks)
    const listed: Chunk[] = []
    for (let after: ChunkPosition | undefined; ;) {
      const page = await opened().listAllChunks(after, 3)
      expect(page.length).toBeLessThanOrEqual(3)
      listed.push(...page)
      after = page.at(-1)
      if (after === undefined) break
    }
    const locations = listed.map(({ location }) => location)
    expect(locations).toEqual(locations.toSorted())
    const digests = listed.map(({ digest }) => digest)
    expect(new Set(digests).size).toBe(digests.length)
    expect(digests).toEqual(expect.arrayContaining(chunks.map(({ digest }) => digest)))
    const [first] = chunks
    const before = listed[digests.indexOf(first!.digest) - 1]
    const [found] = await opened().listAllChunks(before, 1)
    expect({ ...found, blockDigests: Buffer.from(found!.blockDigests) }).toEqual(first)
  })

  it('names the files and the unfinished uploads that use a chunk, a page at a time', async () => {
    const chunk = aChunk()
    const one = await create('one', [chunk, present(chunk)])
    const upload = await startUpload(opened(), [present(chunk)])
    const two = await create('two', [aChunk(), present(chunk)])
    const deleted = await create('three', [present(chunk)])
    await opened().deleteFile(deleted.space, { id: deleted.id })
    await create('other', [aChunk()])
    const holders = [
      { id: one.id, name: 'one', isUpload: false },
      { id: upload.id, name: 'x', isUpload: true },
      { id: two.id, name: 'two', isUpload: false },
    ]
    expect(await opened().listHolders(chunk.digest, 9)).toEqual(holders)
    expect(await opened().listHolders(chunk.digest, 2)).toEqual(holders.slice(0, 2))
    expect(await opened().listHolders(chunk.digest, 2, upload.id)).toEqual(holders.slice(2))
    await opened().finishUploads([{ id: upload.id, digest: aDigest(), isRemembered: true }])
    expect((await opened().listHolders(chunk.digest, 9))[1]).toEqual({ ...holders[1], isUpload: false })
    expect(await opened().listHolders(aDigest(), 9)).toEqual([])
  })

  it('names what was joined of a list that has the chunk, and finds no fault with it', async () => {
    const space = aSpace()
    const chunks = [aChunk(), aChunk()]
    const parts = [
      await completePart(opened(), space, chunks),
      await completePart(opened(), space, [aChunk()]),
    ]
    const partIds = parts.map(({ id }) => id)
    const joined = await opened().concatenateUploads(anUpload(space, 'joined'), [...partIds, ...partIds])
    const holder = { id: joined.id, name: 'joined', isUpload: true }
    const part = { id: partIds[0], name: 'x', isUpload: true }
    expect(await opened().listHolders(chunks[1]!.digest, 9)).toEqual([part, holder])
    for (const id of partIds) await opened().deleteUpload(id)
    expect(await opened().listHolders(chunks[1]!.digest, 9)).toEqual([holder])
    const [checked] = await opened().checkLists(partIds[1], 1)
    expect(checked).toEqual(holder)
    const due = { unlinkedBefore: Date.now() + 1, expiredBefore: 0, foundBefore: Date.now() + 1 }
    const before = await opened().countCollectable(due)
    await opened().deleteUpload(joined.id)
    expect((await opened().countCollectable(due)).chunks).toBe(before.chunks + 3)
    await collectAll(opened())
    for (const { digest } of chunks) expect(await opened().findChunk(digest)).toBeUndefined()
  })

  it('finds no fault with files and uploads that are whole', async () => {
    const start = anId()
    const shared = aChunk()
    const files = [
      await create('empty', []),
      await create('one', [shared]),
      await create('many', [
        shared,
        ...Array.from({ length: 1500 }, () => aChunk({ size: 3 })),
        present(shared),
      ]),
    ]
    const upload = await startUpload(opened(), [aChunk(), present(shared)])
    expect(await opened().checkLists(start, 9)).toEqual([
      ...files.map(({ id, name }) => ({ id, name, isUpload: false })),
      { id: upload.id, name: 'x', isUpload: true },
    ])
    expect((await opened().checkLists(start, 2)).map(({ name }) => name)).toEqual(['empty', 'one'])
    expect((await opened().checkLists(files[1]!.id, 1)).map(({ name }) => name)).toEqual(['many'])
    expect(await opened().checkLists(upload.id, 9)).toEqual([])
  })

  it('refuses a chunk whose row has another size than the chunk that was stored', async () => {
    const known = aChunk({ size: 10 })
    await create('known', [known])
    expect(await outcomeOf(create('faulty', [{ ...known, size: 20 }]))).toBe('corrupt')
  })

  it('finds a file with a digest that is not that of its chunks', async () => {
    const start = anId()
    const { id } = await create('other', [aChunk()], aDigest())
    expect(await opened().checkLists(start, 1)).toEqual([
      { id, name: 'other', isUpload: false, fault: 'has a digest that is not that of its chunks' },
    ])
  })

  it('counts what a collection would take, and takes nothing', async () => {
    const now = Date.now()
    const query = { unlinkedBefore: now + 60_000, expiredBefore: now, foundBefore: 1000 }
    await collectAll(opened(), { limit: 10_000 })
    const before = await opened().countCollectable(query)

    const [kept, unlinked, twice] = [aChunk({ size: 1 }), aChunk({ size: 20 }), aChunk({ size: 300 })]
    await create('kept', [kept])
    const file = await create('unlinked', [present(kept), unlinked, present(unlinked), twice])
    const expired = await startUpload(opened(), [present(twice), aChunk({ size: 4000 })], { expiresAt: 5 })
    const unexpired = await startUpload(opened(), [aChunk()], { expiresAt: inAMinute() })
    await opened().markOrphans([{ location: aLocation(), size: 50_000 }], 999)
    await opened().markOrphans([{ location: aLocation(), size: 600_000 }], 1000)
    const growth = async () => {
      const { uploads, chunks, bytes } = await opened().countCollectable(query)
      return [uploads - before.uploads, chunks - before.chunks, bytes - before.bytes]
    }
    expect(await growth()).toEqual([1, 2, 54_000])
    await opened().deleteFile(file.space, { id: file.id })
    expect(await growth()).toEqual([1, 4, 54_320])
    expect(await growth()).toEqual([1, 4, 54_320])
    const early = await opened().countCollectable({ ...query, unlinkedBefore: now - 60_000 })
    expect(early.chunks - before.chunks).toBe(2)
    await opened().deleteUpload(unexpired.id)
    // What was unlinked at once has no time of grace.
    expect((await opened().countCollectable({ ...query, unlinkedBefore: 0 })).chunks - before.chunks).toBe(3)
    expect(await opened().findUpload(expired.space, expired.id)).toBeDefined()
    expect(await opened().findFile(file.space, { name: named('unlinked') })).toBeUndefined()
    await opened().deleteUpload(expired.id)
  })
}
