import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { packed } from '../../../src/model/chunk.ts'
import {
  aChunk,
  aDigest,
  anId,
  aSpace,
  anUpload,
  chunksOf,
  completePart,
  inAMinute,
  inOrder,
  startUpload,
} from '../fixtures.ts'

export function describeConcatenating(opened: () => Catalog): void {
  const twoParts = async () => {
    const space = aSpace()
    const chunks = [[aChunk({ size: 3 }), aChunk({ size: 4 })], [aChunk({ size: 5 })]] as const
    const first = await completePart(opened(), space, chunks[0])
    const second = await completePart(opened(), space, chunks[1])
    return { space, chunks, first, second }
  }

  it('creates an upload that has the chunks of its parts in order, and leaves them as they are', async () => {
    const { space, chunks, first, second } = await twoParts()
    const given = anUpload(space, 'joined', {
      metadata: { a: '1' },
      protocolState: 'final; a b',
      expiresAt: 2 ** 50,
    })
    const joined = await opened().concatenateUploads(given, [second.id, first.id, second.id])
    const { createdAt } = joined
    expect(joined).toStrictEqual({
      ...given,
      size: 17,
      offset: 17,
      isPartial: false,
      isFinished: false,
      hasFailedPrecondition: false,
      createdAt,
    })
    expect(await opened().findUpload(space, given.id)).toStrictEqual(joined)
    const [ofFirst, ofSecond] = chunks
    expect(await chunksOf(opened(), given.id)).toEqual(inOrder([...ofSecond, ...ofFirst, ...ofSecond]))
    expect(await opened().findUpload(space, first.id)).toStrictEqual(first)
    expect(await opened().findUpload(space, second.id)).toStrictEqual(second)
    expect(await chunksOf(opened(), first.id)).toEqual(inOrder(ofFirst))
    expect(await chunksOf(opened(), second.id)).toEqual(inOrder(ofSecond))
  })

  it('becomes a file, and its parts can be joined and deleted again', async () => {
    const { space, chunks, first, second } = await twoParts()
    const partIds = [first.id, second.id]
    const [one, other] = [anUpload(space, 'one'), anUpload(space, 'other')]
    await opened().concatenateUploads(one, partIds)
    await opened().finishUploads([{ id: one.id, digest: aDigest(), isRemembered: true }])
    await opened().concatenateUploads(other, partIds)
    for (const id of partIds) expect(await opened().deleteUpload(id)).toBe(true)
    for (const { id } of [one, other]) {
      expect(await chunksOf(opened(), id)).toEqual(inOrder(chunks.flat()))
    }
    expect(await opened().findFile(space, { id: one.id })).toMatchObject({ size: 12 })
  })

  it('joins empty parts, parts whose size was said late, and none at all', async () => {
    const { space, chunks, first } = await twoParts()
    const empty = await completePart(opened(), space, [])
    const late = await startUpload(opened(), [], { space, isPartial: true })
    await opened().declareUploadSize(late.id, 0)
    const some = await opened().concatenateUploads(anUpload(space, 'x'), [
      empty.id,
      first.id,
      late.id,
      empty.id,
    ])
    expect(some).toMatchObject({ size: 7, offset: 7 })
    expect(await chunksOf(opened(), some.id)).toEqual(inOrder(chunks[0]))
    const none = await opened().concatenateUploads(anUpload(space, 'y'), [])
    expect(none).toMatchObject({ size: 0, offset: 0 })
  })

  it('takes the size that is the sum, and makes a part of parts', async () => {
    const { space, first, second } = await twoParts()
    const part = await opened().concatenateUploads(anUpload(space, 'x', { size: 12, isPartial: true }), [
      first.id,
      second.id,
    ])
    expect(part).toMatchObject({ size: 12, isPartial: true })
    const whole = await opened().concatenateUploads(anUpload(space, 'x'), [part.id, part.id])
    expect(whole).toMatchObject({ size: 24, isPartial: false })
  })

  it('keeps what was joined, and what it was joined of, from being re-cut or appended', async () => {
    const { space, chunks, first, second } = await twoParts()
    const upload = anUpload(space, 'x')
    await opened().concatenateUploads(upload, [first.id, second.id])
    const target = await startUpload(opened(), [], { space })
    for (const id of [first.id, upload.id]) {
      const compaction = opened().compactUpload(id, 0, 7, [aChunk({ size: 7 })])
      await expect(compaction).rejects.toMatchObject({ code: 'offset_conflict' })
      const append = opened().appendUpload(target.id, 0, id, inAMinute())
      await expect(append).rejects.toMatchObject({ code: 'invalid_request' })
    }
    expect(await chunksOf(opened(), upload.id)).toEqual(inOrder(chunks.flat()))
    expect(await chunksOf(opened(), target.id)).toEqual([])
  })

  it('tells of the chunks of all parts from any byte on, in pages of any size', async () => {
    const { space, chunks, first, second } = await twoParts()
    const { id } = await opened().concatenateUploads(anUpload(space, 'x'), [first.id, second.id, first.id])
    const all = [...chunks.flat(), ...chunks[0]]
    const starts = inOrder(all)
    for (let from = 0; from <= 20; from++) {
      const index = starts.findLastIndex(([start]) => start <= from)
      const rest = from < 19 ? starts.slice(index) : []
      for (let limit = 1; limit <= 6; limit++) {
        const listed = await opened().listChunks(id, from, limit)
        expect(listed.map(({ start, digest }) => [start, digest])).toEqual(rest.slice(0, limit))
        const { sizes, digests, blockDigests } = await opened().packChunks(id, from, limit)
        const expected = packed(listed)
        expect(sizes).toEqual(expected.sizes)
        expect(Buffer.from(digests)).toEqual(expected.digests)
        expect(Buffer.from(blockDigests)).toEqual(expected.blockDigests)
      }
    }
  })

  it.each([
    ['is not there', 'not_found', async () => anId()],
    [
      'is not partial',
      'invalid_request',
      async (space) => {
        const { id } = await startUpload(opened(), [], { space, size: 0 })
        return id
      },
    ],
    [
      'is not at its size',
      'invalid_request',
      async (space) => {
        const { id } = await startUpload(opened(), [aChunk()], { space, size: 11, isPartial: true })
        return id
      },
    ],
    [
      'has no size',
      'invalid_request',
      async (space) => {
        const { id } = await startUpload(opened(), [aChunk()], { space, isPartial: true })
        return id
      },
    ],
    [
      'belongs to somebody else',
      'invalid_request',
      async () => {
        const { id } = await completePart(opened(), aSpace(), [aChunk()])
        return id
      },
    ],
    [
      'is deleted',
      'not_found',
      async (space) => {
        const { id } = await completePart(opened(), space, [aChunk()])
        await opened().deleteUpload(id)
        return id
      },
    ],
  ] as readonly (readonly [
    string,
    string,
    (space: ReturnType<typeof aSpace>) => Promise<ReturnType<typeof anId>>,
  ])[])('refuses a part that %s with %s, and creates nothing', async (_, code, makeBad) => {
    const { space, first } = await twoParts()
    const bad = await makeBad(space)
    const upload = anUpload(space, 'x')
    await expect(opened().concatenateUploads(upload, [first.id, bad])).rejects.toMatchObject({ code })
    expect(await opened().findUpload(space, upload.id)).toBeUndefined()
    expect(await chunksOf(opened(), upload.id)).toEqual([])
  })

  it('refuses a size that is not the sum', async () => {
    const { space, first } = await twoParts()
    const upload = anUpload(space, 'x', { size: 8 })
    await expect(opened().concatenateUploads(upload, [first.id])).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(await opened().findUpload(space, upload.id)).toBeUndefined()
    expect(await chunksOf(opened(), upload.id)).toEqual([])
  })
}
