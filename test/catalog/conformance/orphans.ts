import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import type { Location } from '../../../src/model/chunk.ts'
import { aChunk, aFile, aLocation, aSpace, collectAll, garbageAmong, present } from '../fixtures.ts'

const orphan = (location: Location, size = 7) => ({ location, size })

export function describeOrphans(opened: () => Catalog): void {
  const create = async (chunks: Parameters<typeof aFile>[2]) =>
    opened().createFile(aFile(aSpace(), 'x', chunks))

  it('knows where chunks are, and garbage, and nothing else', async () => {
    const [used, again] = [aChunk(), aLocation()]
    const unlinked = aChunk()
    await create({ chunks: [used, { ...used, location: again }] })
    const { file } = await create({ chunks: [unlinked] })
    await opened().deleteFile(file.space, { id: file.id })
    await collectAll(opened())
    const [unknown, other] = [aLocation(), aLocation()]
    const asked = [unknown, used.location, again, other, unlinked.location]
    expect((await opened().listUnknown(asked)).toSorted()).toEqual([unknown, other].toSorted())
    expect(await opened().listUnknown([])).toEqual([])
  })

  it('marks as garbage what it has never heard of, once', async () => {
    const used = aChunk()
    await create({ chunks: [used] })
    const found = [orphan(aLocation(), 5), orphan(used.location, 10), orphan(aLocation(), 3)]
    expect(await opened().markOrphans(found, 1000)).toEqual([found[0], found[2]])
    expect(await opened().markOrphans(found, 2000)).toEqual([])
    const locations = found.map(({ location }) => location)
    expect(await garbageAmong(opened(), locations)).toEqual([found[0]!.location, found[2]!.location])
    expect(await opened().findChunk(used.digest)).toMatchObject({ location: used.location })
    expect(await opened().listUnknown(locations)).toEqual([])
    await opened().forgetGarbage(locations)
    expect((await opened().listUnknown(locations)).toSorted()).toEqual(
      [locations[0]!, locations[2]!].toSorted(),
    )
  })

  it('takes back an orphan that is committed after all, also in place of a damaged chunk', async () => {
    const [late, hurt] = [aChunk(), aChunk()]
    await create({ chunks: [hurt] })
    const mending = { ...hurt, location: aLocation(), mends: hurt.location }
    await opened().markOrphans([orphan(late.location), orphan(mending.location)], 1000)
    await create({ chunks: [late, mending] })
    const locations = [late.location, mending.location, hurt.location]
    expect(await garbageAmong(opened(), locations)).toEqual([hurt.location])
    expect(await opened().findChunk(late.digest)).toMatchObject({ location: late.location })
    expect(await opened().findChunk(hurt.digest)).toMatchObject({ location: mending.location })
  })

  it('leaves a copy of a present chunk as garbage, whoever found it', async () => {
    const chunk = aChunk()
    const again = aLocation()
    await create({ chunks: [chunk] })
    await opened().markOrphans([orphan(again)], 1000)
    await create({ chunks: [{ ...chunk, location: again }] })
    expect(await garbageAmong(opened(), [chunk.location, again])).toEqual([again])
  })

  it('lists orphans as garbage when they were found long enough ago, other garbage at once', async () => {
    const used = aChunk({ size: 12 })
    const again = aLocation()
    await create({ chunks: [used, { ...used, location: again }] })
    const [early, late] = [orphan(aLocation()), orphan(aLocation())]
    await opened().markOrphans([late], 2000)
    await opened().markOrphans([early], 1000)
    const mine = new Set([again, early.location, late.location])
    const listed = async (foundBefore?: number) =>
      (await opened().listGarbage(100_000, foundBefore)).filter(({ location }) => mine.has(location))
    const ofUse = { location: again, size: 12 }
    expect(await listed(-1)).toEqual([ofUse])
    expect(await listed(1000)).toEqual([ofUse])
    expect(await listed(1001)).toEqual([ofUse, early])
    expect(await listed(2001)).toEqual([ofUse, early, late])
    expect(await listed()).toEqual([ofUse, early, late])
  })

  it('says how large garbage is', async () => {
    const chunk = aChunk({ size: 4321 })
    const { file } = await create({ chunks: [chunk, present(chunk)] })
    await opened().deleteFile(file.space, { id: file.id })
    await collectAll(opened())
    const garbage = await opened().listGarbage(100_000)
    expect(garbage.filter(({ location }) => location === chunk.location)).toEqual([
      { location: chunk.location, size: 4321 },
    ])
  })
}
