import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { aChunk, aDigest, anId, inAMinute, startUpload } from '../fixtures.ts'

export function describeDeclaredSizes(opened: () => Catalog): void {
  it('holds an upload to the size that is said later', async () => {
    const { id, space, expiresAt } = await startUpload(opened(), [aChunk({ size: 10 })])
    await opened().declareUploadSize(id, 20)
    expect(await opened().findUpload(space, id)).toMatchObject({ size: 20, offset: 10, expiresAt })
    await expect(opened().advanceUpload(id, 10, [aChunk({ size: 11 })], inAMinute())).rejects.toMatchObject({
      code: 'too_large',
    })
    await expect(opened().finishUploads([{ id, digest: aDigest() }])).rejects.toMatchObject({
      code: 'offset_conflict',
    })
    await opened().advanceUpload(id, 10, [aChunk({ size: 10 })], inAMinute())
    expect(await opened().finishUploads([{ id, digest: aDigest() }])).toMatchObject([{ file: { size: 20 } }])
  })

  it('takes the offset itself for a size, and 0', async () => {
    const [full, empty] = [
      await startUpload(opened(), [aChunk({ size: 10 })]),
      await startUpload(opened(), []),
    ]
    await opened().declareUploadSize(full.id, 10)
    await opened().declareUploadSize(empty.id, 0)
    expect(await opened().findUpload(full.space, full.id)).toMatchObject({ size: 10 })
    expect(await opened().findUpload(empty.space, empty.id)).toMatchObject({ size: 0 })
  })

  it.each([{}, { size: 20 }])('takes the same size again of an upload made with %o', async (fields) => {
    const { id, space } = await startUpload(opened(), [aChunk({ size: 10 })], fields)
    await opened().declareUploadSize(id, 20)
    const before = await opened().findUpload(space, id)
    await opened().declareUploadSize(id, 20)
    expect(await opened().findUpload(space, id)).toStrictEqual(before)
  })

  it.each([
    ['offset_conflict', { size: 20 }, 21],
    ['offset_conflict', { size: 20 }, 9],
    ['too_large', {}, 9],
  ] as const)(
    'refuses with %s for an upload of 10 bytes made with %o to have %i',
    async (code, fields, size) => {
      const upload = await startUpload(opened(), [aChunk({ size: 10 })], fields)
      await expect(opened().declareUploadSize(upload.id, size)).rejects.toMatchObject({ code })
      expect(await opened().findUpload(upload.space, upload.id)).toStrictEqual(upload)
    },
  )

  it('refuses what is not there', async () => {
    const { id } = await startUpload(opened(), [])
    await opened().deleteUpload(id)
    await expect(opened().declareUploadSize(id, 1)).rejects.toMatchObject({ code: 'not_found' })
    await expect(opened().declareUploadSize(anId(), 1)).rejects.toMatchObject({ code: 'not_found' })
  })
}
