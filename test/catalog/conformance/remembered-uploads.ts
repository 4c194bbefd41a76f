import { expect, it } from 'vitest'
import type { Catalog, NewUpload } from '../../../src/catalog/catalog.ts'
import { aChunk, aDigest, aFile, chunksOf, inAMinute, startUpload } from '../fixtures.ts'

export function describeRememberedUploads(opened: () => Catalog): void {
  const finish = async (fields: Partial<NewUpload> = {}) => {
    const upload = await startUpload(opened(), [aChunk(), aChunk()], fields)
    const [committed] = await opened().finishUploads([
      { id: upload.id, digest: aDigest(), isRemembered: true },
    ])
    return { ...upload, file: committed!.file }
  }

  it.each([{}, { size: 20, protocolState: 'a' }])(
    'still finds one that was made with %o, as it was but finished, and the file',
    async (fields) => {
      const { file, ...upload } = await finish(fields)
      const { id, space } = upload
      expect(await opened().findUpload(space, id)).toStrictEqual({ ...upload, isFinished: true })
      expect(file).toMatchObject({ id, size: 20 })
      expect(await opened().findFile(space, { id })).toStrictEqual(file)
      expect(await opened().listChunks(id, 0, 9)).toHaveLength(2)
    },
  )

  it('forgets at once one that is not to be remembered', async () => {
    const { id, space } = await startUpload(opened(), [])
    await opened().finishUploads([{ id, digest: aDigest(), isRemembered: false }])
    expect(await opened().findUpload(space, id)).toBeUndefined()
  })

  it('refuses to change one, and says that it is finished', async () => {
    const { id, space, file } = await finish()
    const source = await startUpload(opened(), [])
    const before = await opened().findUpload(space, id)
    const chunks = await opened().listChunks(id, 0, 9)
    const refused = { code: 'offset_conflict', message: expect.stringContaining('finished') }
    const calls = [
      () => opened().advanceUpload(id, 20, [aChunk()], inAMinute()),
      () => opened().advanceUpload(id, 20, [], inAMinute()),
      () => opened().declareUploadSize(id, 20),
      () => opened().appendUpload(id, 20, source.id, inAMinute()),
      () => opened().appendUpload(source.id, 0, id, inAMinute()),
      () => opened().compactUpload(id, 0, 10, [aChunk()]),
      () => opened().finishUploads([{ id, digest: aDigest(), isRemembered: true }]),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject(refused)
    expect(await opened().findUpload(space, id)).toStrictEqual(before)
    expect(await opened().findFile(space, { id })).toStrictEqual(file)
    expect(await opened().listChunks(id, 0, 9)).toEqual(chunks)
    expect(await opened().findUpload(source.space, source.id)).toStrictEqual(source)
  })

  it('finishes none of several if one of them was finished before', async () => {
    const { id, space } = await finish()
    const other = await startUpload(opened(), [], { space })
    const finished = [other.id, id].map((each) => ({ id: each, digest: aDigest(), isRemembered: true }))
    await expect(opened().finishUploads(finished)).rejects.toMatchObject({ code: 'offset_conflict' })
    expect(await opened().findUpload(space, other.id)).toStrictEqual(other)
  })

  it('lists only unfinished ones, also across pages', async () => {
    const { space } = await finish()
    const unfinished = await startUpload(opened(), [], { space })
    await finish({ space })
    const last = await startUpload(opened(), [], { space, isPartial: true })
    expect(await opened().listUploads(space, 9)).toStrictEqual([unfinished, last])
    expect(await opened().listUploads(space, 1)).toStrictEqual([unfinished])
    expect(await opened().listUploads(space, 1, unfinished.id)).toStrictEqual([last])
  })

  it('lists those that have expired beside unfinished ones, and deletes them then and not before', async () => {
    // Times long past keep apart what other tests have made.
    const finished = await finish({ expiresAt: 10 })
    const unfinished = await startUpload(opened(), [], { expiresAt: 20 })
    const listed = await opened().listExpiredUploads(21, 9)
    expect(listed.map(({ id, isFinished }) => [id, isFinished])).toEqual([
      [finished.id, true],
      [unfinished.id, false],
    ])
    expect(await opened().deleteUpload(finished.id, 10)).toBe(false)
    expect(await opened().findUpload(finished.space, finished.id)).toMatchObject({ isFinished: true })
    expect(await opened().deleteUpload(finished.id, 11)).toBe(true)
    expect(await opened().deleteUpload(finished.id)).toBe(false)
    expect(await opened().findUpload(finished.space, finished.id)).toBeUndefined()
    expect(await opened().findFile(finished.space, { id: finished.id })).toStrictEqual(finished.file)
    await opened().deleteUpload(unfinished.id)
  })

  it('outlives the file, deleted or replaced', async () => {
    const [deleted, replaced] = [await finish(), await finish()]
    await opened().deleteFile(deleted.space, { id: deleted.id })
    await opened().createFile(aFile(replaced.space, replaced.name))
    for (const { id, space } of [deleted, replaced]) {
      expect(await opened().findUpload(space, id)).toMatchObject({ isFinished: true, offset: 20 })
      expect(await opened().deleteUpload(id)).toBe(true)
    }
  })

  it('refuses to finish a partial one', async () => {
    const upload = await startUpload(opened(), [aChunk()], { size: 10, isPartial: true })
    const { id, space } = upload
    const chunks = await chunksOf(opened(), id)
    for (const isRemembered of [true, false]) {
      await expect(opened().finishUploads([{ id, digest: aDigest(), isRemembered }])).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
    expect(await opened().findUpload(space, id)).toStrictEqual(upload)
    expect(await opened().findFile(space, { id })).toBeUndefined()
    expect(await chunksOf(opened(), id)).toEqual(chunks)
  })
}
