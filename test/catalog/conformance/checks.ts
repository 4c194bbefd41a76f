import { afterEach, expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import type { ChunkCheck, Condition, DueQuery } from '../../../src/catalog/upkeep.ts'
import { aChunk, aFile, aLocation, aSpace, collectAll, present, type StoredUse } from '../fixtures.ts'

/**
 * Other tests' chunks were stored just now, so in these, checks of the year 1970 make theirs stand
 * out.
 */
const longAgo = 10_000

const check = ({ digest, location }: StoredUse, condition?: Condition): ChunkCheck => ({
  digest,
  location,
  ...(condition && { condition }),
})

export function describeChecks(opened: () => Catalog): void {
  const given: StoredUse[] = []

  const create = async (count: number) => {
    const chunks = Array.from({ length: count }, () => aChunk())
    given.push(...chunks)
    const { file } = await opened().createFile(aFile(aSpace(), 'x', { chunks }))
    return { file, chunks }
  }
  const manifest = (chunk: StoredUse, condition: Condition | undefined, at: number) =>
    opened().saveChecks([check(chunk, condition)], at)
  const due = async (query: Partial<DueQuery> = {}) => {
    const whole = { checkedBefore: longAgo, notSoundCheckedBefore: longAgo, limit: 100, ...query }
    return (await opened().listDueChunks(whole)).map(({ digest, condition }) => [digest, condition])
  }

  afterEach(async () => {
    await opened().saveChecks(
      given.splice(0).map((chunk) => check(chunk, 'sound')),
      Date.now(),
    )
  })

  it('takes a chunk for sound from when it is stored', async () => {
    const before = Date.now()
    const { chunks } = await create(1)
    const [chunk] = chunks as [StoredUse]
    const ofChunk = async (checkedBefore: number) =>
      (await due({ checkedBefore, limit: 100_000 })).filter(([digest]) => digest === chunk.digest)
    expect(await ofChunk(before)).toEqual([])
    expect(await ofChunk(Date.now() + 1)).toEqual([[chunk.digest, 'sound']])
  })

  it('lists what was checked longest ago first, with all that a reader has to know, and no more than asked for', async () => {
    const { chunks } = await create(3)
    for (const [index, at] of [300, 100, 200].entries()) await manifest(chunks[index]!, 'sound', at)
    const inTurn = [chunks[1]!, chunks[2]!, chunks[0]!].map(({ digest }) => [digest, 'sound'])
    expect(await due()).toEqual(inTurn)
    expect(await due({ limit: 2 })).toEqual(inTurn.slice(0, 2))
    expect(await due({ checkedBefore: 200 })).toEqual(inTurn.slice(0, 1))
    const query = { checkedBefore: longAgo, notSoundCheckedBefore: 0, limit: 1 }
    const [found] = await opened().listDueChunks(query)
    const { blockDigests, ...first } = found!
    const { blockDigests: expected, ...others } = chunks[1]!
    expect(first).toEqual({ ...others, condition: 'sound' })
    expect(Buffer.from(blockDigests).equals(expected)).toBe(true)
  })

  it('lists first those that were not sound, by a time of their own', async () => {
    const { chunks } = await create(3)
    await manifest(chunks[0]!, 'sound', 100)
    await manifest(chunks[1]!, 'damaged', 5000)
    await manifest(chunks[2]!, 'missing', 4000)
    const { digest } = chunks[0]!
    expect(await due({ checkedBefore: 200 })).toEqual([
      [chunks[2]!.digest, 'missing'],
      [chunks[1]!.digest, 'damaged'],
      [digest, 'sound'],
    ])
    expect(await due({ checkedBefore: 200, notSoundCheckedBefore: 5000 })).toEqual([
      [chunks[2]!.digest, 'missing'],
      [digest, 'sound'],
    ])
    expect(await due({ notSoundCheckedBefore: 0 })).toEqual([[digest, 'sound']])
    expect(await due({ limit: 2 })).toHaveLength(2)
  })

  it('resolves with what is not sound any more, and only when it comes to that', async () => {
    const { chunks } = await create(2)
    const [one, other] = chunks as [StoredUse, StoredUse]
    const both = [check(one, 'damaged'), check(other, 'missing')]
    expect(await opened().saveChecks(both, 100)).toEqual(both)
    expect(await opened().saveChecks([check(one, 'missing'), check(other, 'missing')], 200)).toEqual([])
    expect(await manifest(one, 'sound', 300)).toEqual([])
    expect(await manifest(one, 'damaged', 400)).toEqual([check(one, 'damaged')])
  })

  it('counts those that are not sound until they are', async () => {
    const before = await opened().countNotSound()
    const { chunks } = await create(3)
    const conditions = ['damaged', 'damaged', 'missing'] as const
    for (const [index, condition] of conditions.entries()) await manifest(chunks[index]!, condition, 100)
    expect(await opened().countNotSound()).toEqual({
      damaged: before.damaged + 2,
      missing: before.missing + 1,
    })
    await manifest(chunks[0]!, 'sound', 200)
    await manifest(chunks[2]!, 'damaged', 200)
    expect(await opened().countNotSound()).toEqual({ ...before, damaged: before.damaged + 2 })
  })

  it('puts off a chunk that could not be read, and leaves it what it was', async () => {
    const { chunks } = await create(2)
    await manifest(chunks[0]!, 'damaged', 100)
    await manifest(chunks[1]!, 'sound', 100)
    const undecided = chunks.map((chunk) => check(chunk))
    expect(await opened().saveChecks(undecided, 500)).toEqual([])
    expect(await due({ checkedBefore: 500, notSoundCheckedBefore: 500 })).toEqual([])
    expect(await due()).toEqual([
      [chunks[0]!.digest, 'damaged'],
      [chunks[1]!.digest, 'sound'],
    ])
  })

  it('takes no notice of a check of where a chunk was before', async () => {
    const before = await opened().countNotSound()
    const { chunks } = await create(1)
    const [chunk] = chunks as [StoredUse]
    const mended = { ...chunk, location: aLocation(), mends: chunk.location }
    await opened().createFile(aFile(aSpace(), 'y', { chunks: [mended] }))
    expect(await manifest(chunk, 'damaged', 100)).toEqual([])
    expect(await due()).toEqual([])
    expect(await opened().countNotSound()).toEqual(before)
    given.push(mended)
  })

  it('takes a mended chunk for one that was just stored', async () => {
    const before = await opened().countNotSound()
    const { chunks } = await create(1)
    const [chunk] = chunks as [StoredUse]
    await manifest(chunk, 'missing', 100)
    const mended = { ...chunk, location: aLocation(), mends: chunk.location }
    await opened().createFile(aFile(aSpace(), 'y', { chunks: [mended] }))
    expect(await opened().countNotSound()).toEqual(before)
    expect(await due()).toEqual([])
    given.push(mended)
  })

  it('forgets a chunk that is collected, and takes no notice of a check that comes later', async () => {
    const before = await opened().countNotSound()
    const { file, chunks } = await create(2)
    const [damaged, later] = chunks as [StoredUse, StoredUse]
    await manifest(damaged, 'damaged', 100)
    await opened().deleteFile(file.space, { id: file.id })
    await collectAll(opened())
    expect(await manifest(later, 'missing', 100)).toEqual([])
    expect(await opened().countNotSound()).toEqual(before)
    expect(await due()).toEqual([])
  })

  it('keeps a damaged chunk that is used: damage is no reason to collect it', async () => {
    const { file, chunks } = await create(1)
    await manifest(chunks[0]!, 'damaged', 100)
    await opened().createFile(aFile(aSpace(), 'y', { chunks: [present(chunks[0]!)] }))
    await collectAll(opened())
    expect(await opened().listChunks(file.id, 0, 9)).toMatchObject([{ location: chunks[0]!.location }])
  })
}
