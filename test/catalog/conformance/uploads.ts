import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  aDigest,
  aFile,
  anId,
  aSpace,
  anUpload,
  inAMinute,
  garbageAmong,
  named,
  present,
} from '../fixtures.ts'

export function describeUploads(opened: () => Catalog): void {
  it('gives a created upload back as it was given, at offset 0', async () => {
    const given = anUpload(aSpace(), 'x', {
      metadata: { a: 'é' },
      size: 2 ** 53 - 1,
      isPartial: true,
      protocolState: ' a b=,\té\n',
      expiresAt: 2 ** 52,
    })
    const before = Date.now()
    const upload = await opened().createUpload(given)
    expect(upload).toStrictEqual({
      ...given,
      offset: 0,
      isFinished: false,
      hasFailedPrecondition: false,
      createdAt: upload.createdAt,
    })
    expect(upload.createdAt).toBeGreaterThanOrEqual(before)
    expect(upload.createdAt).toBeLessThanOrEqual(Date.now())
    expect(await opened().findUpload(given.space, given.id)).toStrictEqual(upload)
  })

  it('remembers that one was declined, and that it may be finished all the same', async () => {
    const space = aSpace()
    const { id } = await opened().createUpload(anUpload(space, 'x', { size: 0 }))
    await opened().markPreconditionFailed(id)
    expect(await opened().findUpload(space, id)).toMatchObject({
      hasFailedPrecondition: true,
      isFinished: false,
    })
    await opened().finishUploads([{ id, digest: aDigest() }])
    expect(await opened().findFile(space, { id })).toMatchObject({ size: 0 })
    await opened().markPreconditionFailed(id)
  })

  it('keeps absent what nobody has said', async () => {
    const given = anUpload(aSpace(), 'x')
    const upload = await opened().createUpload(given)
    const { createdAt } = upload
    expect(upload).toStrictEqual({
      ...given,
      offset: 0,
      isPartial: false,
      isFinished: false,
      hasFailedPrecondition: false,
      createdAt,
    })
    const found = await opened().findUpload(upload.space, upload.id)
    expect(found).toStrictEqual(upload)
  })

  it('misses what is not there and what belongs to somebody else, and is no file yet', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x'))
    expect(await opened().findUpload(space, anId())).toBeUndefined()
    expect(await opened().findUpload(aSpace(), id)).toBeUndefined()
    expect(await opened().findFile(space, { id })).toBeUndefined()
    expect(await opened().findFile(space, { name: named('x') })).toBeUndefined()
  })

  it('advances by the sizes of the chunks', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x', { size: 18 }))
    const [first, second] = [aChunk({ size: 10 }), aChunk({ size: 4 })]
    expect(await opened().advanceUpload(id, 0, [first], inAMinute())).toBe(10)
    expect(await opened().advanceUpload(id, 10, [], inAMinute())).toBe(10)
    expect(await opened().advanceUpload(id, 10, [second, present(second)], inAMinute())).toBe(18)
    expect(await opened().findUpload(space, id)).toMatchObject({ offset: 18 })
    expect(await opened().listChunks(id, 10, 9)).toMatchObject([
      { start: 10, digest: second.digest },
      { start: 14, digest: second.digest },
    ])
  })

  it('puts off the expiry of an upload that advances', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x'))
    await opened().advanceUpload(id, 0, [aChunk()], 2 ** 51)
    expect(await opened().findUpload(space, id)).toMatchObject({ expiresAt: 2 ** 51 })
  })

  it.each([
    ['offset_conflict', 5, [aChunk({ size: 2 })]],
    ['offset_conflict', 15, [aChunk({ size: 2 })]],
    ['too_large', 10, [aChunk({ size: 2 }), aChunk({ size: 9 })]],
    ['chunk_gone', 10, [aChunk({ size: 2 }), present(aChunk({ size: 2 }))]],
  ] as const)('refuses with %s to advance from %i, and changes nothing', async (code, from, chunks) => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x', { size: 20 }))
    await opened().advanceUpload(id, 0, [aChunk({ size: 10 })], inAMinute())
    const before = await opened().findUpload(space, id)
    await expect(opened().advanceUpload(id, from, chunks, inAMinute())).rejects.toMatchObject({ code })
    expect(await opened().findUpload(space, id)).toStrictEqual(before)
    expect(await opened().listChunks(id, 0, 9)).toHaveLength(1)
    expect(await opened().findChunk(chunks[0].digest)).toBeUndefined()
    expect(await garbageAmong(opened(), [chunks[0].location])).toEqual([])
  })

  it('refuses to advance what is not there', async () => {
    const { file } = await opened().createFile(aFile(aSpace(), 'x'))
    await expect(opened().advanceUpload(anId(), 0, [], inAMinute())).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(opened().advanceUpload(file.id, 0, [], inAMinute())).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('turns an upload into a file with the same id and chunks', async () => {
    const given = anUpload(aSpace(), 'x', { size: 20, metadata: { a: '1' }, mediaType: 'a/b' })
    const { id, space, name } = await opened().createUpload(given)
    await opened().advanceUpload(id, 0, [aChunk(), aChunk()], inAMinute())
    const chunks = await opened().listChunks(id, 0, 9)
    const digest = aDigest()
    const before = Date.now()
    const [committed] = await opened().finishUploads([{ id, digest }])
    const createdAt = committed!.file.createdAt
    const { mediaType, metadata } = given
    expect(committed).toStrictEqual({
      file: { id, space, name, mediaType, metadata, digest, size: 20, createdAt, modifiedAt: createdAt },
      hasReplaced: false,
      unlinkedManifests: [],
    })
    expect(createdAt).toBeGreaterThanOrEqual(before)
    expect(await opened().findFile(space, { name })).toStrictEqual(committed!.file)
    expect(await opened().findUpload(space, id)).toBeUndefined()
    expect(await opened().listChunks(id, 0, 9)).toEqual(chunks)
  })

  it('takes the offset for the size that nobody has said', async () => {
    const { id } = await opened().createUpload(anUpload(aSpace(), 'x'))
    await opened().advanceUpload(id, 0, [aChunk({ size: 9 })], inAMinute())
    expect(await opened().finishUploads([{ id, digest: aDigest() }])).toMatchObject([{ file: { size: 9 } }])
  })

  it('unlinks the file whose name the finished upload takes', async () => {
    const space = aSpace()
    const { file: old } = await opened().createFile(aFile(space, 'x'))
    const { id } = await opened().createUpload(anUpload(space, 'x'))
    expect(await opened().finishUploads([{ id, digest: aDigest() }])).toMatchObject([{ hasReplaced: true }])
    expect(await opened().findFile(space, { id: old.id })).toBeUndefined()
    expect(await opened().findFile(space, { name: named('x') })).toMatchObject({ id })
  })

  it('finishes several uploads, the last of the same name winning', async () => {
    const space = aSpace()
    const uploads = ['x', 'y', 'x'].map((name) => anUpload(space, name))
    for (const upload of uploads) await opened().createUpload(upload)
    const committed = await opened().finishUploads(uploads.map(({ id }) => ({ id, digest: aDigest() })))
    expect(committed).toMatchObject([
      { file: { id: uploads[0]!.id, name: 'x' }, hasReplaced: false },
      { file: { id: uploads[1]!.id, name: 'y' }, hasReplaced: false },
      { file: { id: uploads[2]!.id, name: 'x' }, hasReplaced: true },
    ])
    expect(await opened().findFile(space, { id: uploads[0]!.id })).toBeUndefined()
    const { files } = await opened().listFiles({ space, prefix: '', limit: 9 })
    expect(files.map(({ id }) => id)).toEqual([uploads[2]!.id, uploads[1]!.id])
  })

  it.each(['not_found', 'offset_conflict', 'invalid_request', 'precondition_failed', 'finished twice'])(
    'finishes none of several if one is refused: %s',
    async (reason) => {
      const space = aSpace()
      const good = await opened().createUpload(anUpload(space, 'good'))
      const bad = await opened().createUpload(
        anUpload(space, 'bad', {
          ...(reason === 'offset_conflict' && { size: 1 }),
          ...(reason === 'invalid_request' && { isPartial: true }),
        }),
      )
      const finished = [
        { id: good.id, digest: aDigest() },
        {
          id: { not_found: anId(), 'finished twice': good.id }[reason] ?? bad.id,
          digest: aDigest(),
          ...(reason === 'precondition_failed' && { precondition: { ifMatch: '*' as const } }),
        },
      ]
      const code = reason === 'finished twice' ? 'not_found' : reason
      await expect(opened().finishUploads(finished)).rejects.toMatchObject({ code })
      expect(await opened().listUploads(space, 9)).toStrictEqual([good, bad])
      expect(await opened().listFiles({ space, prefix: '', limit: 9 })).toEqual({ files: [], prefixes: [] })
    },
  )

  it('deletes an upload, however often', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x'))
    expect(await opened().deleteUpload(id)).toBe(true)
    expect(await opened().findUpload(space, id)).toBeUndefined()
    expect(await opened().deleteUpload(id)).toBe(false)
    expect(await opened().deleteUpload(anId())).toBe(false)
    await expect(opened().advanceUpload(id, 0, [], inAMinute())).rejects.toMatchObject({ code: 'not_found' })
    await expect(opened().finishUploads([{ id, digest: aDigest() }])).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('deletes an upload as expired only if its expiry was not postponed', async () => {
    const expiresAt = inAMinute()
    const { id, space } = await opened().createUpload({ ...anUpload(aSpace(), 'x'), expiresAt })
    await opened().advanceUpload(id, 0, [], expiresAt + 1)
    expect(await opened().deleteUpload(id, expiresAt + 1)).toBe(false)
    expect(await opened().findUpload(space, id)).toMatchObject({ id })
    expect(await opened().deleteUpload(id, expiresAt + 2)).toBe(true)
  })

  it('does not delete the file that an upload has become', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x'))
    await opened().finishUploads([{ id, digest: aDigest() }])
    await opened().deleteUpload(id)
    expect(await opened().findFile(space, { id })).toMatchObject({ id })
  })

  it("lists an space's uploads by id, page by page", async () => {
    const space = aSpace()
    const uploads = Array.from({ length: 5 }, () => anUpload(space, 'same'))
    for (const upload of uploads.toReversed()) await opened().createUpload(upload)
    await opened().createUpload(anUpload(aSpace(), 'same'))
    const ids = uploads.map(({ id }) => id)
    const listed = async (limit: number, after?: (typeof ids)[number]) =>
      (await opened().listUploads(space, limit, after)).map(({ id }) => id)
    expect(await listed(9)).toEqual(ids)
    expect(await listed(2)).toEqual(ids.slice(0, 2))
    expect(await listed(2, ids[1])).toEqual(ids.slice(2, 4))
    expect(await listed(2, ids[4])).toEqual([])
  })

  it('lists uploads that have expired, of every space, the longest expired first', async () => {
    // Times long past keep apart what other tests have made.
    const expiring = async (expiresAt: number) =>
      opened().createUpload(anUpload(aSpace(), 'x', { expiresAt }))
    const third = await expiring(3000)
    const first = await expiring(1000)
    const second = await expiring(2000)
    expect(await opened().listExpiredUploads(3000, 9)).toStrictEqual([first, second])
    expect(await opened().listExpiredUploads(3001, 9)).toStrictEqual([first, second, third])
    expect(await opened().listExpiredUploads(3001, 1)).toStrictEqual([first])
  })
}
