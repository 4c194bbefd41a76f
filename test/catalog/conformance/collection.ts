import { beforeEach, expect, it } from 'vitest'
import type { Catalog, ChunkUse, CollectQuery } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  aDigest,
  aFile,
  aSpace,
  anUpload,
  collectAll,
  inAMinute,
  garbageAmong,
  named,
  present,
} from '../fixtures.ts'

export function describeCollection(opened: () => Catalog): void {
  const create = async (name: string, chunks: readonly ChunkUse[], space = aSpace()) =>
    (await opened().createFile(aFile(space, name, { chunks }))).file

  const collect = (query?: Partial<CollectQuery>) => collectAll(opened(), query)

  // What other tests have unlinked must not count in these.
  beforeEach(async () => {
    await collect({ limit: 10_000 })
  })

  it('keeps the chunks of files and of unfinished uploads, however old', async () => {
    const [ofFile, ofUpload] = [aChunk(), aChunk()]
    const file = await create('x', [ofFile])
    const upload = await opened().createUpload(anUpload(aSpace(), 'x', { expiresAt: 1 }))
    await opened().advanceUpload(upload.id, 0, [ofUpload], inAMinute())
    await collect({ unlinkedBefore: Number.MAX_SAFE_INTEGER })
    expect(await opened().listChunks(file.id, 0, 9)).toHaveLength(1)
    expect(await opened().findChunk(ofFile.digest)).toBeDefined()
    expect(await opened().findChunk(ofUpload.digest)).toBeDefined()
    await opened().deleteUpload(upload.id)
  })

  it('forgets the chunks of a deleted file, and makes garbage of where they were', async () => {
    const chunks = [aChunk(), aChunk(), aChunk()]
    const file = await create('x', [...chunks, present(chunks[0]!)])
    await opened().deleteFile(file.space, { id: file.id })
    const locations = chunks.map(({ location }) => location)
    expect(await garbageAmong(opened(), locations)).toEqual([])
    await collect()
    expect((await garbageAmong(opened(), locations)).toSorted()).toEqual(locations.toSorted())
    for (const { digest } of chunks) expect(await opened().findChunk(digest)).toBeUndefined()
    expect(await opened().listChunks(file.id, 0, 9)).toEqual([])
  })

  it('forgets the chunks of a replaced file', async () => {
    const [old, fresh] = [aChunk(), aChunk()]
    const file = await create('x', [old])
    await create('x', [fresh], file.space)
    await collect()
    expect(await garbageAmong(opened(), [old.location, fresh.location])).toEqual([old.location])
  })

  it('forgets the chunks of a deleted upload at once', async () => {
    const chunk = aChunk()
    const { id } = await opened().createUpload(anUpload(aSpace(), 'x'))
    await opened().advanceUpload(id, 0, [chunk], inAMinute())
    await opened().deleteUpload(id)
    await collect({ unlinkedBefore: 0 })
    expect(await garbageAmong(opened(), [chunk.location])).toEqual([chunk.location])
  })

  it('keeps for now what was unlinked later than asked for', async () => {
    const chunk = aChunk()
    const file = await create('x', [chunk])
    await opened().deleteFile(file.space, { id: file.id })
    expect(await collect({ unlinkedBefore: file.createdAt })).toBe(1)
    expect(await opened().listChunks(file.id, 0, 9)).toMatchObject([{ location: chunk.location }])
    expect(await opened().findChunk(chunk.digest)).toBeDefined()
  })

  it('keeps files that are being downloaded, however they were unlinked, and collects the rest', async () => {
    const [read, deleted, abandoned] = [aChunk(), aChunk(), aChunk()]
    const file = await create('x', [read])
    await opened().deleteFile(file.space, { id: file.id })
    const upload = await opened().createUpload(anUpload(aSpace(), 'y'))
    await opened().advanceUpload(upload.id, 0, [abandoned], inAMinute())
    await opened().deleteUpload(upload.id)
    const other = await create('z', [deleted])
    await opened().deleteFile(other.space, { id: other.id })

    expect(await collect({ inUse: [file.id, upload.id], limit: 1 })).toBe(1)
    const locations = [read, deleted, abandoned].map(({ location }) => location)
    expect(await garbageAmong(opened(), locations)).toEqual([deleted.location])
    expect(await opened().listChunks(file.id, 0, 9)).toHaveLength(1)

    await collect()
    expect((await garbageAmong(opened(), locations)).toSorted()).toEqual(locations.toSorted())
  })

  it('keeps a chunk that another file, an upload or the same file still uses', async () => {
    const shared = [aChunk(), aChunk(), aChunk()]
    const own = aChunk()
    const file = await create('x', [...shared, own])
    const other = await create('y', [present(shared[0]!)])
    const { id } = await opened().createUpload(anUpload(aSpace(), 'z'))
    await opened().advanceUpload(id, 0, [present(shared[1]!)], inAMinute())
    await create('x', [present(shared[2]!)], file.space)
    await collect()
    const locations = [...shared, own].map(({ location }) => location)
    expect(await garbageAmong(opened(), locations)).toEqual([own.location])

    await opened().deleteFile(other.space, { id: other.id })
    await opened().deleteUpload(id)
    await opened().deleteFile(file.space, { name: named('x') })
    await collect()
    expect(await garbageAmong(opened(), locations)).toHaveLength(4)
  })

  it('keeps what the file uses that an upload has become', async () => {
    const chunk = aChunk()
    const { id } = await opened().createUpload(anUpload(aSpace(), 'x'))
    await opened().advanceUpload(id, 0, [chunk], inAMinute())
    await opened().finishUploads([{ id, digest: aDigest() }])
    await opened().deleteUpload(id)
    await collect({ unlinkedBefore: Number.MAX_SAFE_INTEGER })
    expect(await opened().listChunks(id, 0, 9)).toMatchObject([{ location: chunk.location }])
  })

  it('collects what lost to a later upload of the same call', async () => {
    const space = aSpace()
    const [early, late] = [aChunk(), aChunk()]
    const uploads = [anUpload(space, 'x'), anUpload(space, 'x')]
    for (const [index, chunk] of [early, late].entries()) {
      const { id } = await opened().createUpload(uploads[index]!)
      await opened().advanceUpload(id, 0, [chunk], inAMinute())
    }
    await opened().finishUploads(uploads.map(({ id }) => ({ id, digest: aDigest() })))
    await collect()
    expect(await garbageAmong(opened(), [early.location, late.location])).toEqual([early.location])
  })

  it('goes a bounded step at a time, and a chunk goes with its last use', async () => {
    const chunks = Array.from({ length: 10 }, () => aChunk())
    const file = await create(
      'x',
      chunks.flatMap((chunk) => [chunk, present(chunk)]),
    )
    await opened().deleteFile(file.space, { id: file.id })
    const locations = chunks.map(({ location }) => location)
    const step = () => opened().collectChunks({ unlinkedBefore: Date.now() + 1, inUse: [], limit: 7 })
    const left: number[] = []
    let hasMore = true
    while (hasMore) {
      ;({ hasMore } = await step())
      left.push((await opened().listChunks(file.id, 0, 99)).length)
    }
    expect(left).toEqual([13, 6, 0])
    expect(await garbageAmong(opened(), locations)).toHaveLength(10)
    expect(await step()).toEqual({ hasMore: false })
  })

  it('takes a step for each of many lists without chunks', async () => {
    const space = aSpace()
    for (const name of ['a', 'b', 'c']) {
      await create(name, [], space)
      await opened().deleteFile(space, { name: named(name) })
    }
    expect(await collect({ limit: 2 })).toBe(2)
  })

  it('stores collected content again', async () => {
    const chunk = aChunk()
    const file = await create('x', [chunk])
    await opened().deleteFile(file.space, { id: file.id })
    await collect()
    await expect(create('y', [present(chunk)])).rejects.toMatchObject({ code: 'chunk_gone' })
    const again = aChunk({ ...present(chunk) })
    await create('y', [again])
    expect(await opened().findChunk(chunk.digest)).toMatchObject({ location: again.location })
    expect(await garbageAmong(opened(), [chunk.location, again.location])).toEqual([chunk.location])
  })

  it('never collects what a file counts on while files come and go', async () => {
    const chunks = Array.from({ length: 4 }, () => aChunk())
    const space = aSpace()
    const busy = Array.from({ length: 40 }, async (_, index) => {
      const name = `x${index % 5}`
      const use = chunks[index % 4]!
      await opened().createFile(aFile(space, name, { chunks: [aChunk({ ...present(use) })] }))
      if (index % 3 === 0) await Promise.allSettled([opened().deleteFile(space, { name: named(name) })])
      await opened().collectChunks({ unlinkedBefore: Date.now() + 1, inUse: [], limit: 3 })
    })
    await Promise.all(busy)
    await collect()
    const { files } = await opened().listFiles({ space, prefix: '', limit: 99 })
    const used = await Promise.all(files.map(({ id }) => opened().listChunks(id, 0, 9)))
    expect(used.map(({ length }) => length)).toEqual(files.map(() => 1))
    const locations = used.flat().map(({ location }) => location)
    expect(await garbageAmong(opened(), locations)).toEqual([])
  })
}
