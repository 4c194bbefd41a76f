import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BodyCheck } from '../../src/files/upload/receive.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { StoreError } from '../../src/model/errors.ts'
import { parseFileName, defaultSpace, type FileId } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { eventually } from '../robustness/eventually.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../robustness/store-contents.ts'
import { intercept } from '../support/faulty-catalog.ts'

const chunkSize = 64 * 1024
const chunks = 3
const bytesOf = (seed: number) => sampleChunk(chunks * chunkSize - 1, seed).bytes

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

async function manifestsIn(store: FileStore): Promise<readonly string[]> {
  const locations: string[] = []
  for await (const { location } of store.manifests.list()) locations.push(location)
  return locations
}

/** The file's manifest, and no other. */
async function expectManifestOf(store: FileStore, id: FileId): Promise<void> {
  const known = await store.catalog.listManifestPages(id)
  expect(known).toHaveLength(1)
  expect(await manifestsIn(store)).toEqual(known)
  await expectIdle(store)
}

it('is put beside the last chunk', async () => {
  const plan = [{ on: 'put', call: chunks, kind: 'hang' }] as const
  const { store, faults } = faultyFileStore(parts, { chunkSize, plan })
  const uploading = uploadBytes(store, 'beside', bytesOf(1))
  await eventually(async () => expect(await manifestsIn(store)).toHaveLength(1))
  expect(await store.catalog.findFile(defaultSpace, { name: parseFileName('beside') })).toBeUndefined()
  faults.release()
  await expectManifestOf(store, (await uploading).file.id)
})

it('is put again if a chunk that was believed present is gone', async () => {
  const gone = new StoreError('chunk_gone', 'A chunk has been collected, as planned.', { isRefusal: true })
  const { store } = faultyFileStore(parts, {
    chunkSize,
    wrapCatalog: (catalog) =>
      intercept(catalog, 'createFile', async (call, nth) => {
        if (nth === 1) throw gone
        return call()
      }),
  })
  const { file } = await uploadBytes(store, 'anew', bytesOf(2))
  await expectManifestOf(store, file.id)
})

it('is one also if the file has come into the catalog as an upload meanwhile', async () => {
  await uploadBytes(faultyFileStore(parts, { chunkSize }).store, 'first', bytesOf(3))
  const plan = [{ on: 'put', call: 1, kind: 'hang' }] as const
  const advanced = Promise.withResolvers<void>()
  const { store, faults } = faultyFileStore(parts, {
    chunkSize,
    plan,
    wrapCatalog: (catalog) =>
      intercept(catalog, 'advanceUpload', async (call) => {
        advanced.resolve()
        return call()
      }),
  })
  // What is present already goes to the catalog at once; the rest is being put when the body has
  // long ended.
  const uploading = uploadBytes(
    store,
    'second',
    Buffer.concat([bytesOf(3).subarray(0, chunkSize), bytesOf(4)]),
  )
  await advanced.promise
  faults.release()
  await expectManifestOf(store, (await uploading).file.id)
})

describe('does not stay if', () => {
  const wrong: BodyCheck = {
    update: () => {},
    verify: () => {
      throw new StoreError('digest_mismatch', 'The body is wrong, as planned.')
    },
  }
  const refusal = new StoreError('precondition_failed', 'Refused, as planned.', { isRefusal: true })

  it.each([
    [
      'the last chunk cannot be put',
      { plan: [{ on: 'put', call: chunks, kind: 'no-space' }] },
      {},
      'no_space',
    ],
    ['a check fails', {}, { checks: [wrong] }, 'digest_mismatch'],
  ] as const)('%s', async (_, options, request, code) => {
    const { store } = faultyFileStore(parts, { chunkSize, ...options })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, 'refused', bytesOf(5), request)).rejects.toMatchObject({ code })
    expect(await manifestsIn(store)).toEqual([])
    await expectContents(store, before)
  })

  it('the catalog refuses the file', async () => {
    const { store } = faultyFileStore(parts, {
      chunkSize,
      wrapCatalog: (catalog) => intercept(catalog, 'createFile', () => Promise.reject(refusal)),
    })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, 'refused', bytesOf(6))).rejects.toBe(refusal)
    expect(await manifestsIn(store)).toEqual([])
    await expectContents(store, before)
  })
})
