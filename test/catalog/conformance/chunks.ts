import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import type { FileChunk } from '../../../src/model/chunk.ts'
import { aChunk, aFile, aLocation, anId, aSpace, garbageAmong, present } from '../fixtures.ts'

/** Buffers and plain byte arrays with the same bytes count as equal. */
function comparable(chunk: Pick<FileChunk, 'blockDigests'>): object {
  return Object.assign({}, chunk, { blockDigests: Buffer.from(chunk.blockDigests) })
}

export function describeChunks(opened: () => Catalog): void {
  const create = (chunks: Parameters<typeof aFile>[2]) => opened().createFile(aFile(aSpace(), 'x', chunks))

  it('finds a chunk that is present, and misses one that is not', async () => {
    const chunk = aChunk({ size: 3_000_000, blockDigests: Buffer.alloc(96, 7) })
    expect(await opened().findChunk(chunk.digest)).toBeUndefined()
    await create({ chunks: [chunk] })
    const found = await opened().findChunk(chunk.digest)
    expect(found).toEqual({ ...chunk, blockDigests: new Uint8Array(96).fill(7) })
  })

  it('keeps exactly the block digests that a view shows', async () => {
    const whole = Buffer.alloc(1024, 1)
    whole.fill(2, 100, 132)
    const chunk = aChunk({ blockDigests: whole.subarray(100, 132) })
    await create({ chunks: [chunk] })
    const found = await opened().findChunk(chunk.digest)
    expect(Buffer.from(found!.blockDigests)).toEqual(Buffer.alloc(32, 2))
  })

  it('uses a chunk that is present where it is', async () => {
    const chunk = aChunk()
    await create({ chunks: [chunk] })
    const { file } = await create({ chunks: [present(chunk), present(chunk)] })
    expect(await opened().listChunks(file.id, 0, 9)).toMatchObject([
      { start: 0, location: chunk.location },
      { start: 10, location: chunk.location },
    ])
  })

  it('makes garbage of a chunk that was stored although it was present', async () => {
    const first = aChunk()
    const again = { ...first, location: aLocation() }
    await create({ chunks: [first] })
    const { file } = await create({ chunks: [again] })
    expect(await opened().listChunks(file.id, 0, 9)).toMatchObject([{ location: first.location }])
    expect(await garbageAmong(opened(), [first.location, again.location])).toEqual([again.location])
  })

  it('makes garbage of the second of two that were stored for one file', async () => {
    const first = aChunk()
    const again = { ...first, location: aLocation() }
    const { file } = await create({ chunks: [first, again, present(first)] })
    expect(await opened().listChunks(file.id, 0, 9)).toMatchObject(
      [0, 10, 20].map((start) => ({ start, location: first.location })),
    )
    expect(await garbageAmong(opened(), [first.location, again.location])).toEqual([again.location])
  })

  it('makes no garbage of one location that is used twice', async () => {
    const chunk = aChunk()
    await create({ chunks: [chunk, chunk] })
    await create({ chunks: [chunk] })
    expect(await garbageAmong(opened(), [chunk.location])).toEqual([])
  })

  it('mends a chunk: the new location takes the place of the damaged one in every file', async () => {
    const damaged = aChunk()
    const { file } = await create({ chunks: [damaged] })
    const mended = { ...damaged, location: aLocation(), mends: damaged.location }
    await create({ chunks: [mended] })
    expect(await opened().listChunks(file.id, 0, 9)).toMatchObject([{ location: mended.location }])
    expect(await garbageAmong(opened(), [damaged.location, mended.location])).toEqual([damaged.location])
  })

  it('does not mend a chunk that was mended already', async () => {
    const damaged = aChunk()
    await create({ chunks: [damaged] })
    const [first, second] = [aLocation(), aLocation()]
    await create({ chunks: [{ ...damaged, location: first, mends: damaged.location }] })
    await create({ chunks: [{ ...damaged, location: second, mends: damaged.location }] })
    expect(await opened().findChunk(damaged.digest)).toMatchObject({ location: first })
    expect(await garbageAmong(opened(), [first, second])).toEqual([second])
  })

  it('stores what was to mend a chunk that is gone by now', async () => {
    const chunk = aChunk({ mends: aLocation() })
    await create({ chunks: [chunk] })
    expect(await opened().findChunk(chunk.digest)).toMatchObject({ location: chunk.location })
  })

  it.each([
    // bytes 0–9, 10–14, 15–34
    [0, 9, [0, 10, 15]],
    [0, 2, [0, 10]],
    [9, 9, [0, 10, 15]],
    [10, 9, [10, 15]],
    [14, 1, [10]],
    [34, 9, [15]],
    [35, 9, []],
    [1000, 9, []],
  ])('lists the chunks from byte %i on, at most %i', async (from, limit, starts) => {
    const chunks = [aChunk({ size: 10 }), aChunk({ size: 5 }), aChunk({ size: 20 })]
    const { file } = await create({ chunks })
    const listed = await opened().listChunks(file.id, from, limit)
    const expected = [0, 10, 15].map((start, index) => Object.assign({}, chunks[index], { start }))
    expect(listed.map(comparable)).toEqual(
      expected.filter(({ start }) => starts.includes(start)).map(comparable),
    )
  })

  it('lists no chunks of what was never there', async () => {
    expect(await opened().listChunks(anId(), 0, 9)).toEqual([])
  })

  it('forgets garbage that is deleted, and only that', async () => {
    const first = aChunk()
    const [second, third] = [aLocation(), aLocation()]
    await create({ chunks: [first, { ...first, location: second }, { ...first, location: third }] })
    expect(await garbageAmong(opened(), [second, third])).toEqual([second, third])
    await opened().forgetGarbage([second, aLocation()])
    expect(await garbageAmong(opened(), [second, third])).toEqual([third])
  })

  it('lists the oldest garbage first, and not more than asked for', async () => {
    const earlier = await opened().listGarbage(100_000)
    await opened().forgetGarbage(earlier.map(({ location }) => location))
    const first = aChunk()
    const later = [aLocation(), aLocation(), aLocation()]
    for (const location of later) await create({ chunks: [first, { ...first, location }] })
    const { size } = first
    expect(await opened().listGarbage(2)).toEqual(later.slice(0, 2).map((location) => ({ location, size })))
  })
}
