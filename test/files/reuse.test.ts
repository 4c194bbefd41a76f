import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DiskChunkStore } from '../../src/chunks/disk/disk-chunk-store.ts'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { uploadFile } from '../../src/files/upload/upload-file.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { parseFileName, defaultSpace } from '../../src/model/file.ts'
import { flipBitOfFile } from '../chunks/flip-bit-of-file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { eventually } from '../robustness/eventually.ts'
import { intercept } from '../support/faulty-catalog.ts'
import { readBack } from '../robustness/read-back.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import {
  faultyFileStore,
  openSharedParts,
  type FaultyFileStore,
  type SharedParts,
} from '../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../robustness/store-contents.ts'
import type { Fault } from '../support/faulty.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { localCaller } from '../../src/model/principal.ts'

const chunkSize = 64 * 1024

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

async function deleteByName(store: FileStore, name: string): Promise<void> {
  await store.catalog.deleteFile(defaultSpace, { name: parseFileName(name) })
}

async function collectAll(store: FileStore, chunks: number): Promise<void> {
  let collected = 0
  // What was unlinked in this very millisecond stays for the next run.
  await eventually(async () => {
    collected += (await collectGarbage(store)).chunks
    expect(collected).toBe(chunks)
  })
}

async function collectUnlinked(chunks: number): Promise<void> {
  const { store } = faultyFileStore(parts)
  await deleteByName(store, 'unlinked')
  await collectAll(store, chunks)
}

async function onDisk() {
  const directory = await temporaryDirectory()
  const chunks = await DiskChunkStore.open(directory)
  const files = faultyFileStore({ catalog: parts.catalog, chunks }, { chunkSize: 4 * blockBytes, plan: [] })
  return { ...files, directory, close: () => chunks.close() }
}

describe('content that is present', () => {
  it('is not stored again', async () => {
    const { store, faults } = faultyFileStore(parts)
    const before = await contentsOf(store)
    const { bytes } = sampleChunk(5 * chunkSize - 1, 1)
    await uploadBytes(store, 'first', bytes)
    expect(faults.calls.put).toBe(5)
    await uploadBytes(store, 'second', bytes)
    expect(faults.calls.put).toBe(5)
    await deleteByName(store, 'first')
    await collectGarbage(store)
    expect((await readBack(store, 'second')).equals(bytes)).toBe(true)
    await deleteByName(store, 'second')
    await expectContents(store, before)
  })

  it('within one file is stored once if it is there in time, and is right in any case', async () => {
    const { store } = faultyFileStore(parts)
    const before = await contentsOf(store)
    const bytes = Buffer.concat(Array.from({ length: 70 }, () => sampleChunk(chunkSize, 2).bytes))
    await uploadBytes(store, 'repeated', bytes)
    expect((await readBack(store, 'repeated')).equals(bytes)).toBe(true)
    expect((await contentsOf(store)).locations).toHaveLength(before.locations.length + 1)
    await deleteByName(store, 'repeated')
    await expectContents(store, before)
  })

  it('is verified even if no buffer of the pool is left', async () => {
    const { store, faults } = faultyFileStore(parts, { maxBufferMemory: chunkSize })
    const { bytes } = sampleChunk(chunkSize, 3)
    await uploadBytes(store, 'once', bytes)
    await Promise.all(['twice', 'thrice'].map((name) => uploadBytes(store, name, bytes)))
    expect(faults.calls).toMatchObject({ put: 1, read: 2 })
    await expectIdle(store)
    const roomy = faultyFileStore(parts).store
    for (const name of ['once', 'twice', 'thrice']) {
      expect((await readBack(roomy, name)).equals(bytes)).toBe(true)
      await deleteByName(roomy, name)
    }
  })

  it('is not relied on while it cannot be read', async () => {
    const { bytes } = sampleChunk(chunkSize, 4)
    await uploadBytes(faultyFileStore(parts).store, 'readable', bytes)
    const { store, faults, background } = faultyFileStore(parts, {
      plan: [{ on: 'read', call: 1, kind: 'refuse' }],
    })
    await expect(uploadBytes(store, 'unreadable', bytes)).rejects.toMatchObject({ code: 'unavailable' })
    expect(faults.calls.put).toBe(0)
    expect(background).toEqual([])
    expect((await readBack(store, 'readable')).equals(bytes)).toBe(true)
    await uploadBytes(store, 'readable', bytes)
    await deleteByName(store, 'readable')
    await expectIdle(store)
  })
})

describe('content that is collected between being found and being used', () => {
  const one = sampleChunk(chunkSize, 5).bytes
  const three = sampleChunk(3 * chunkSize, 6).bytes

  it('is stored after all', async () => {
    const { store } = faultyFileStore(parts, {
      wrapCatalog: (catalog) =>
        intercept(catalog, 'createFile', async (call, nth) => {
          if (nth === 2) await collectUnlinked(1)
          return call()
        }),
    })
    const before = await contentsOf(store)
    await uploadBytes(store, 'unlinked', one)
    await uploadBytes(store, 'saved', one)
    expect((await readBack(store, 'saved')).equals(one)).toBe(true)
    await expectIdle(store)
    await deleteByName(store, 'saved')
    await expectContents(store, before)
  })

  /**
   * Uploads all three. The last two are handed to the catalog together, and at that moment they are
   * gone.
   */
  function uploadLosingTwo(name: string, plan: readonly Fault[]) {
    let advances = 0
    const files: FaultyFileStore = faultyFileStore(parts, {
      plan,
      wrapCatalog: (catalog) =>
        intercept(catalog, 'advanceUpload', async (call, nth) => {
          advances = nth
          if (nth === 1) await eventually(areFound)
          if (nth === 2) await collectUnlinked(2)
          return call()
        }),
    })
    const areFound = () => {
      expect(files.faults.calls.read).toBe(3)
      expect(files.store.storing.running).toBe(0)
    }
    const body = async function* () {
      yield three.subarray(0, chunkSize)
      await eventually(() => expect(advances).toBe(1))
      yield three.subarray(chunkSize)
    }
    const upload = uploadFile(files.store, localCaller, () => Readable.from(body(), { objectMode: false }), {
      name: parseFileName(name),
      mediaType: 'application/octet-stream',
    })
    return { ...files, upload }
  }

  it('is stored after all where the upload has a row of its own', async () => {
    const before = await contentsOf(faultyFileStore(parts).store)
    await uploadBytes(faultyFileStore(parts).store, 'unlinked', three)
    const { store, faults, upload } = uploadLosingTwo('saved', [])
    await upload
    expect(faults.calls.put).toBe(2)
    expect((await readBack(store, 'saved')).equals(three)).toBe(true)
    await expectIdle(store)
    await deleteByName(store, 'saved')
    await expectContents(store, before)
  })

  it.each([1, 2])('leaves nothing if put %d has no space for it', async (call) => {
    const before = await contentsOf(faultyFileStore(parts).store)
    await uploadBytes(faultyFileStore(parts).store, 'unlinked', three)
    const { store, upload } = uploadLosingTwo('lost', [{ on: 'put', call, kind: 'no-space' }])
    await expect(upload).rejects.toMatchObject({ code: 'no_space' })
    await expectContents(store, before)
  })
})

describe('content that is damaged on disk', () => {
  const { bytes } = sampleChunk(2 * blockBytes + 1000, 7)

  it.each([0, blockBytes, bytes.length - 1])('at byte %d is mended when it is sent again', async (at) => {
    const { store, directory, background, close } = await onDisk()
    await uploadBytes(store, 'damaged', bytes)
    const [damaged] = await chunkFiles(directory)
    await flipBitOfFile(join(directory, damaged!), at)
    await expect(readBack(store, 'damaged')).rejects.toMatchObject({ code: 'corrupt' })

    await uploadBytes(store, 'again', bytes)
    expect(background).toMatchObject([{ error: { code: 'corrupt' } }])
    for (const name of ['damaged', 'again']) {
      expect((await readBack(store, name)).equals(bytes)).toBe(true)
    }
    await collectAll(store, 1)
    const left = await chunkFiles(directory)
    expect(left).toHaveLength(1)
    expect(left).not.toContain(damaged)
    for (const name of ['damaged', 'again']) await deleteByName(store, name)
    await collectAll(store, 1)
    await close()
  })
})

async function chunkFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
}
