import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  aDigest,
  anId,
  aSpace,
  anUpload,
  chunksOf,
  collectAll,
  completePart,
  garbageAmong,
  inAMinute,
  inOrder,
  outcomeOf,
  sizeOf,
  startUpload,
  tally,
} from '../fixtures.ts'

const rivals = Array.from({ length: 12 }, (_, index) => index)

export function describeUploadRaces(opened: () => Catalog): void {
  it.each([0, 1, 2])(
    'lets exactly one of two advances and an append win, the append sent at place %i',
    async (place) => {
      const { id, space } = await startUpload(opened(), [])
      const source = await startUpload(opened(), [aChunk({ size: 3 }), aChunk({ size: 4 })])
      const advance = (size: number) => () => opened().advanceUpload(id, 0, [aChunk({ size })], inAMinute())
      const calls = [advance(1), advance(2)].toSpliced(place, 0, () =>
        opened().appendUpload(id, 0, source.id, inAMinute()),
      )
      expect(await tally(calls.map((call) => call()))).toEqual({ done: 1, offset_conflict: 2 })
      const chunks = await opened().listChunks(id, 0, 9)
      expect(await opened().findUpload(space, id)).toMatchObject({ offset: sizeOf(chunks) })
      const hasMoved = sizeOf(chunks) === 7
      expect(await opened().findUpload(source.space, source.id)).toEqual(hasMoved ? undefined : source)
      expect(await opened().listChunks(source.id, 0, 9)).toHaveLength(hasMoved ? 0 : 2)
    },
  )

  it('lets exactly one of many take a source over', async () => {
    const source = await startUpload(opened(), [aChunk()])
    const uploads = await Promise.all(rivals.map(() => startUpload(opened(), [])))
    const calls = uploads.map(({ id }) => opened().appendUpload(id, 0, source.id, inAMinute()))
    expect(await tally(calls)).toEqual({ done: 1, not_found: rivals.length - 1 })
    const lists = await Promise.all(uploads.map(({ id }) => opened().listChunks(id, 0, 9)))
    expect(lists.flat()).toHaveLength(1)
  })

  it('appends a source that is being advanced as it is at one moment', async () => {
    const { id, space } = await startUpload(opened(), [])
    const source = await startUpload(opened(), [aChunk()])
    const [advanced, end] = await Promise.all([
      outcomeOf(opened().advanceUpload(source.id, 10, [aChunk()], inAMinute())),
      opened().appendUpload(id, 0, source.id, inAMinute()),
    ])
    expect(end).toBe(advanced === 'done' ? 20 : 10)
    expect(await opened().findUpload(space, id)).toMatchObject({ offset: end })
    expect(sizeOf(await opened().listChunks(id, 0, 9))).toBe(end)
  })

  it.each(['join', 'delete'])(
    'joins a part that is being deleted whole or not at all, the %s sent first',
    async (first) => {
      const space = aSpace()
      const chunks = [aChunk(), aChunk()]
      const part = await completePart(opened(), space, chunks)
      const upload = anUpload(space, 'joined')
      const join = () => outcomeOf(opened().concatenateUploads(upload, [part.id, part.id]))
      const remove = () => outcomeOf(opened().deleteUpload(part.id))
      const calls = first === 'join' ? [join(), remove()] : [remove(), join()]
      const outcomes = await Promise.all([
        ...calls,
        opened().collectChunks({ unlinkedBefore: 0, inUse: [], limit: 99 }),
      ])
      await collectAll(opened())
      const isConcatenated = first === 'join' ? outcomes[0] === 'done' : outcomes[1] === 'done'
      expect(outcomes).toContain(isConcatenated ? 'done' : 'not_found')
      expect(await opened().findUpload(space, part.id)).toBeUndefined()
      expect(await chunksOf(opened(), upload.id)).toEqual(
        isConcatenated ? inOrder([...chunks, ...chunks]) : [],
      )
      const garbage = await garbageAmong(
        opened(),
        chunks.map(({ location }) => location),
      )
      expect(garbage).toHaveLength(isConcatenated ? 0 : 2)
    },
  )

  it('compacts beside advances, and both succeed', async () => {
    const chunks = rivals.map(() => aChunk({ size: 4 }))
    const { id, space } = await startUpload(opened(), [chunks[0]!])
    const halves = rivals.map(() => [aChunk({ size: 2 }), aChunk({ size: 2 })])
    for (const index of rivals.slice(1)) {
      const at = index * 4
      const calls = [
        opened().compactUpload(id, at - 4, at, halves[index - 1]!),
        opened().advanceUpload(id, at, [chunks[index]!], inAMinute()),
      ]
      expect(await tally(index % 2 ? calls : calls.toReversed())).toEqual({ done: 2 })
    }
    expect(await opened().findUpload(space, id)).toMatchObject({ offset: 48 })
    expect(await chunksOf(opened(), id)).toEqual(inOrder([...halves.slice(0, -1).flat(), chunks.at(-1)!]))
  })

  it.each([0, 1])(
    'lets exactly one of two compactions win that each take a border of the other, %i sent first',
    async (first) => {
      const { id } = await startUpload(opened(), [aChunk(), aChunk(), aChunk()])
      const compaction = (start: number) =>
        opened().compactUpload(id, start, start + 20, [aChunk({ size: 20 })])
      expect(await tally([first * 10, 10 - first * 10].map(compaction))).toEqual({
        done: 1,
        offset_conflict: 1,
      })
      const sizes = (await opened().listChunks(id, 0, 9)).map(({ size }) => size)
      expect(sizes.toSorted((left, right) => left - right)).toEqual([10, 20])
    },
  )

  it('lets exactly one of many different sizes be said', async () => {
    const { id, space } = await startUpload(opened(), [])
    const calls = rivals.map((size) => opened().declareUploadSize(id, size))
    expect(await tally(calls)).toEqual({ done: 1, offset_conflict: rivals.length - 1 })
    expect(await opened().findUpload(space, id)).toHaveProperty('size')
  })

  it('lets exactly one of many finish an upload that is remembered', async () => {
    const { id } = await startUpload(opened(), [])
    const calls = rivals.map(() => opened().finishUploads([{ id, digest: aDigest(), isRemembered: true }]))
    expect(await tally(calls)).toEqual({ done: 1, offset_conflict: rivals.length - 1 })
  })

  it('never deletes the file of an upload that is finished, remembered and deleted at once', async () => {
    const chunk = aChunk()
    const { id, space } = await startUpload(opened(), [chunk])
    const finished = opened().finishUploads([{ id, digest: aDigest(), isRemembered: true }])
    const [outcome] = await Promise.all([outcomeOf(finished), opened().deleteUpload(id)])
    await collectAll(opened())
    expect(await opened().findUpload(space, id)).toBeUndefined()
    const isFile = outcome === 'done'
    expect((await opened().findFile(space, { id })) !== undefined).toBe(isFile)
    expect(await chunksOf(opened(), id)).toEqual(isFile ? inOrder([chunk]) : [])
  })

  it('keeps appends to different uploads apart', async () => {
    const pairs = await Promise.all(
      rivals.map(async (index) => {
        const chunks = [aChunk({ size: index + 1 }), aChunk()]
        const upload = await startUpload(opened(), [chunks[0]!])
        return { chunks, upload, source: await startUpload(opened(), [chunks[1]!]) }
      }),
    )
    const appends = pairs.map(({ upload, source }, index) =>
      opened().appendUpload(index % 3 === 2 ? anId() : upload.id, upload.offset, source.id, inAMinute()),
    )
    expect(await tally(appends)).toEqual({ done: 8, not_found: 4 })
    for (const [index, { chunks, upload }] of pairs.entries()) {
      expect(await chunksOf(opened(), upload.id)).toEqual(inOrder(index % 3 === 2 ? [chunks[0]!] : chunks))
    }
  })
}
