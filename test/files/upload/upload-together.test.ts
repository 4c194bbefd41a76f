import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import { UploadsTogether } from '../../../src/files/upload/upload-together.ts'
import { parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { intercept } from '../../support/faulty-catalog.ts'
import { readBack } from '../../robustness/read-back.ts'
import { bodyOf } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../../robustness/store-contents.ts'
import { localCaller } from '../../../src/model/principal.ts'

const request = (name: string) => ({ name: parseFileName(name), mediaType: 'text/plain' })
const first = sampleChunk(200_000, 1).bytes
const second = sampleChunk(300_000, 2).bytes

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

describe('uploads together', () => {
  it('become files when all are there, and not before', async () => {
    const { store } = faultyFileStore(parts)
    const before = await contentsOf(store)
    const uploads = new UploadsTogether(store, localCaller)
    const late = new PassThrough()
    await uploads.add(bodyOf(first), request('together/first'))
    const received = uploads.add(late, request('together/second'))
    expect((await contentsOf(store)).files).toEqual(before.files)
    late.end(second)
    await received
    expect((await contentsOf(store)).files).toEqual(before.files)
    const committed = await uploads.commit()
    expect(committed.map(({ file }) => file.name)).toEqual(['together/first', 'together/second'])
    expect((await readBack(store, 'together/first')).equals(first)).toBe(true)
    expect((await readBack(store, 'together/second')).equals(second)).toBe(true)
    await expectIdle(store)
    for (const { file } of committed) await store.catalog.deleteFile(defaultSpace, { id: file.id })
    await expectContents(store, before)
  })

  it('leave nothing if one of them is cut off', async () => {
    const { store } = faultyFileStore(parts)
    const before = await contentsOf(store)
    const uploads = new UploadsTogether(store, localCaller)
    const broken = new PassThrough()
    await uploads.add(bodyOf(first), request('first'))
    const received = uploads.add(broken, request('second'))
    broken.write(second)
    broken.destroy(new Error('cut off'))
    await expect(received).rejects.toThrow('cut off')
    await expect(uploads.commit()).rejects.toThrow('cut off')
    await uploads.discard()
    await expectContents(store, before)
  })

  it('wait for each other however long it takes', async () => {
    const { store } = faultyFileStore(parts, { uploadExpiryMs: 1 })
    const uploads = new UploadsTogether(store, localCaller)
    const late = new PassThrough()
    await uploads.add(bodyOf(first), request('patient/first'))
    const received = uploads.add(late, request('patient/second'))
    await eventually(async () =>
      expect(await store.catalog.listExpiredUploads(Date.now(), 10)).not.toHaveLength(0),
    )
    expect(await collectGarbage(store)).toEqual({ uploads: 0, chunks: 0, bytes: 0 })
    late.end(second)
    await received
    expect(await uploads.commit()).toHaveLength(2)
    expect((await readBack(store, 'patient/first')).equals(first)).toBe(true)
    await expectIdle(store)
  })

  it('that cannot be discarded are told of, and expire', async () => {
    const { store, background } = faultyFileStore(parts, {
      uploadExpiryMs: 1,
      wrapCatalog: (catalog) =>
        intercept(catalog, 'deleteUpload', async (call, nth) => {
          if (nth <= 2) throw new Error('lost as planned')
          return call()
        }),
    })
    const before = await contentsOf(store)
    const uploads = new UploadsTogether(store, localCaller)
    await uploads.add(bodyOf(first), request('first'))
    await uploads.add(bodyOf(second), request('second'))
    await uploads.discard()
    expect(background).toHaveLength(2)
    await expectContents(store, before)
  })
})
