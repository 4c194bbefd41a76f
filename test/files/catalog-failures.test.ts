import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { StoreError } from '../../src/model/errors.ts'
import { defaultSpace } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { intercept } from '../support/faulty-catalog.ts'
import { readBack } from '../robustness/read-back.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../robustness/store-contents.ts'

const chunkSize = 64 * 1024
const short = sampleChunk(3 * chunkSize - 1, 1).bytes
/** More than one commit: the upload has a row of its own in the catalog. */
const long = sampleChunk(135 * chunkSize - 1, 1).bytes

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

const refusals: readonly [keyof Catalog, number, Buffer][] = [
  ['findChunk', 1, short],
  ['findChunk', 3, short],
  ['createFile', 1, short],
  ['findChunk', 100, long],
  ['createUpload', 1, long],
  ['advanceUpload', 1, long],
  ['advanceUpload', 2, long],
  ['finishUploads', 1, long],
]

describe('an upload leaves nothing', () => {
  it.each(refusals)('if the catalog refuses %s the %d. time', async (method, which, bytes) => {
    const refusal = new StoreError('no_space', 'The disk of the catalog is full, as planned.', {
      isRefusal: true,
    })
    const refuse = async (call: () => Promise<unknown>, nth: number) => {
      if (nth === which) throw refusal
      return call()
    }
    const { store } = faultyFileStore(parts, {
      wrapCatalog: (catalog) => intercept(catalog, method, refuse),
    })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, 'refused', bytes)).rejects.toMatchObject({ code: 'no_space' })
    await expectContents(store, before)
  })
})

describe('a lost answer of the catalog', () => {
  const lost = new StoreError('unavailable', 'The answer is lost, as planned.')
  const losing = (method: keyof Catalog) => (catalog: Catalog) =>
    intercept(catalog, method, async (call) => {
      await call()
      throw lost
    })

  it.each([
    ['createFile', short],
    ['finishUploads', long],
  ] as const)('to %s leaves the whole file', async (method, bytes) => {
    const { store } = faultyFileStore(parts, { wrapCatalog: losing(method) })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, method, bytes)).rejects.toBe(lost)
    await expectIdle(store)
    expect((await readBack(store, method)).equals(bytes)).toBe(true)
    await store.catalog.deleteFile(defaultSpace, { name: (await nameOf(store.catalog, method))! })
    await expectContents(store, before)
  })

  it.each(['createUpload', 'advanceUpload'] as const)('to %s leaves nothing', async (method) => {
    const { store } = faultyFileStore(parts, { wrapCatalog: losing(method) })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, 'lost', long)).rejects.toBe(lost)
    await expectContents(store, before)
  })

  it('to the deletion of an unfinished upload does not hide why it failed', async () => {
    const { store, background } = faultyFileStore(parts, {
      maxFileSize: 134 * chunkSize,
      wrapCatalog: losing('deleteUpload'),
    })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, 'lost', long)).rejects.toMatchObject({ code: 'too_large' })
    expect(background).toMatchObject([{ error: lost }])
    await expectContents(store, before)
  })
})

async function nameOf(catalog: Catalog, prefix: string) {
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix, limit: 1 })
  return files[0]?.name
}
