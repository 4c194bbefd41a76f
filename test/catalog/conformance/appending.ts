import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { aChunk, aDigest, anId, chunksOf, inAMinute, inOrder, present, startUpload } from '../fixtures.ts'

export function describeAppending(opened: () => Catalog): void {
  it('moves all chunks behind those that are there, and the source is gone', async () => {
    const head = [aChunk({ size: 10 }), aChunk({ size: 7 })]
    const tail = [aChunk({ size: 3 }), present(head[0]!), aChunk({ size: 5 }), present(head[1]!)]
    const { id, space } = await startUpload(opened(), head, { size: 42 })
    const source = await startUpload(opened(), tail)
    expect(await opened().appendUpload(id, 17, source.id, 2 ** 51)).toBe(42)
    expect(await opened().findUpload(space, id)).toMatchObject({ offset: 42, expiresAt: 2 ** 51 })
    expect(await chunksOf(opened(), id)).toEqual(inOrder([...head, ...tail]))
    expect(await opened().findUpload(source.space, source.id)).toBeUndefined()
    expect(await chunksOf(opened(), source.id)).toEqual([])
    expect(await opened().deleteUpload(source.id)).toBe(false)
    expect(await opened().finishUploads([{ id, digest: aDigest() }])).toMatchObject([{ file: { size: 42 } }])
  })

  it('takes a source that is empty, and one to begin with, and goes on behind it', async () => {
    const chunks = [aChunk(), aChunk()]
    const { id, space } = await startUpload(opened(), [])
    const [empty, full] = [await startUpload(opened(), []), await startUpload(opened(), [chunks[0]!])]
    expect(await opened().appendUpload(id, 0, empty.id, inAMinute())).toBe(0)
    expect(await opened().appendUpload(id, 0, full.id, inAMinute())).toBe(10)
    expect(await opened().advanceUpload(id, 10, [chunks[1]!], inAMinute())).toBe(20)
    expect(await opened().findUpload(space, id)).toMatchObject({ offset: 20 })
    expect(await chunksOf(opened(), id)).toEqual(inOrder(chunks))
  })

  it('takes what a source has by now, whatever size it was announced with', async () => {
    const chunk = aChunk()
    const { id } = await startUpload(opened(), [])
    const source = await startUpload(opened(), [chunk], { size: 99, isPartial: true })
    expect(await opened().appendUpload(id, 0, source.id, inAMinute())).toBe(10)
    expect(await chunksOf(opened(), id)).toEqual(inOrder([chunk]))
  })

  it.each([
    ['offset_conflict', 0, 10],
    ['offset_conflict', 20, 10],
    ['too_large', 10, 11],
  ] as const)('refuses with %s at %i to append %i bytes, and changes nothing', async (code, from, size) => {
    const upload = await startUpload(opened(), [aChunk()], { size: 20 })
    const source = await startUpload(opened(), [aChunk({ size })])
    const before = [await chunksOf(opened(), upload.id), await chunksOf(opened(), source.id)]
    const call = opened().appendUpload(upload.id, from, source.id, inAMinute() + 1)
    await expect(call).rejects.toMatchObject({ code })
    expect(await opened().findUpload(upload.space, upload.id)).toStrictEqual(upload)
    expect(await opened().findUpload(source.space, source.id)).toStrictEqual(source)
    expect([await chunksOf(opened(), upload.id), await chunksOf(opened(), source.id)]).toEqual(before)
  })

  it('refuses what is not there, the source that is gone, and an upload to itself', async () => {
    const chunk = aChunk()
    const { id } = await startUpload(opened(), [chunk])
    const source = await startUpload(opened(), [aChunk()])
    const refused = async (toId: typeof id, fromId: typeof id, code: string) =>
      expect(opened().appendUpload(toId, 10, fromId, inAMinute())).rejects.toMatchObject({ code })
    await refused(anId(), source.id, 'not_found')
    await refused(id, anId(), 'not_found')
    await refused(id, id, 'invalid_request')
    await opened().deleteUpload(source.id)
    await refused(id, source.id, 'not_found')
    expect(await chunksOf(opened(), id)).toEqual(inOrder([chunk]))
  })
}
