import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import type { BodyCheck } from '../../src/files/upload/receive.ts'
import { StoreError } from '../../src/model/errors.ts'
import { defaultSpace } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { CutOff, uploadBytes, uploadUntilCutOff } from '../robustness/send-body.ts'
import { eventually } from '../robustness/eventually.ts'
import { readBack } from '../robustness/read-back.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../robustness/store-contents.ts'

const chunkSize = 64 * 1024
/** So many chunks go to the catalog in one transaction. */
const partsPerCommit = 64
/** Long enough for an upload that needs a row of its own in the catalog. */
const long = partsPerCommit + 6

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

describe('an upload', () => {
  it.each([
    0,
    1,
    chunkSize - 1,
    chunkSize,
    chunkSize + 1,
    3 * chunkSize,
    partsPerCommit * chunkSize,
    partsPerCommit * chunkSize + 1,
    2 * partsPerCommit * chunkSize + 1,
  ])('of %d bytes comes back as it was', async (size) => {
    const { store } = faultyFileStore(parts)
    const { bytes } = sampleChunk(size)
    const { file, hasReplaced } = await uploadBytes(store, `whole/${size}`, bytes)
    expect({ size: file.size, hasReplaced }).toEqual({ size, hasReplaced: false })
    expect((await readBack(store, `@${file.id}`)).equals(bytes)).toBe(true)
    await expectIdle(store)
  })

  it('passes through a pool of one piece', async () => {
    const { store } = faultyFileStore(parts, { maxBufferMemory: chunkSize })
    const { bytes } = sampleChunk(10 * chunkSize + 1)
    await uploadBytes(store, 'narrow', bytes)
    await expectIdle(store)
    expect((await readBack(faultyFileStore(parts).store, 'narrow')).equals(bytes)).toBe(true)
  })

  it.each([0, 1, 2, 3].flatMap((chunk) => [-1, 0, 1].map((more) => chunk * chunkSize + more)).slice(1))(
    'that is cut off after %d bytes leaves nothing',
    async (position) => {
      const { store } = faultyFileStore(parts)
      const before = await contentsOf(store)
      const sent = sampleChunk(4 * chunkSize).bytes.subarray(0, position)
      await expect(uploadUntilCutOff(store, 'cut-off', sent)).rejects.toThrow(CutOff)
      await expectContents(store, before)
    },
  )

  const borders = [partsPerCommit - 1, partsPerCommit, partsPerCommit + 1, long]
  it.each(borders.flatMap((chunk) => [-1, 0, 1].map((more) => chunk * chunkSize + more)))(
    'of more than one commit that is cut off after %d bytes leaves nothing',
    async (position) => {
      const { store } = faultyFileStore(parts)
      const before = await contentsOf(store)
      const sent = sampleChunk((long + 1) * chunkSize).bytes.subarray(0, position)
      await expect(uploadUntilCutOff(store, 'cut-off', sent)).rejects.toThrow(CutOff)
      await expectContents(store, before)
    },
  )

  it('that is in the catalog when it is cut off is not there any more', async () => {
    const { store } = faultyFileStore(parts)
    const before = await contentsOf(store)
    const { bytes } = sampleChunk(long * chunkSize)
    const isAdvanced = async () => {
      const [upload] = await store.catalog.listUploads(defaultSpace, 1)
      expect(upload?.offset).toBeGreaterThanOrEqual(partsPerCommit * chunkSize)
    }
    await expect(uploadUntilCutOff(store, 'cut-off', bytes, isAdvanced)).rejects.toThrow(CutOff)
    await expectContents(store, before)
  })

  it('that replaces a file and is cut off leaves the file as it was', async () => {
    const { store } = faultyFileStore(parts)
    const old = sampleChunk(2 * chunkSize, 2).bytes
    await uploadBytes(store, 'kept', old)
    const before = await contentsOf(store)
    const { bytes } = sampleChunk(long * chunkSize, 3)
    await expect(uploadUntilCutOff(store, 'kept', bytes)).rejects.toThrow(CutOff)
    await expectContents(store, before)
    expect((await readBack(store, 'kept')).equals(old)).toBe(true)
  })
})

describe('an upload whose store has taken what it only has to sync', () => {
  const chunks = 6
  const { bytes } = sampleChunk(chunks * chunkSize, 5)

  /** As many puts as may be under way have taken their pieces, and wait. */
  async function givenTaken() {
    const synced = Promise.withResolvers<void>()
    let taken = 0
    const wrapChunks = (inner: ChunkStore): ChunkStore => ({
      put: async (digest, pieces, options) => {
        const own = pieces.map((piece) => Buffer.from(piece))
        taken++
        options?.onTaken?.()
        await synced.promise
        return inner.put(digest, own)
      },
      read: (...args) => inner.read(...args),
      delete: (...args) => inner.delete(...args),
      list: (...args) => inner.list(...args),
      close: () => inner.close(),
    })
    const { store } = faultyFileStore(parts, { maxUploadConcurrency: 2, wrapChunks })
    const before = await contentsOf(store)
    const upload = uploadBytes(store, 'taken', bytes)
    upload.catch(() => undefined)
    await eventually(() => expect(taken).toBe(2))
    return { store, before, upload, synced }
  }

  it('refills as many buffers meanwhile as before, and no more', async () => {
    const { store, upload, synced } = await givenTaken()
    await eventually(() => expect(store.pool.leasedBytes).toBe(2 * chunkSize))
    for (let turn = 0; turn < 100; turn++) await nextTurn()
    expect(store.pool.leasedBytes).toBe(2 * chunkSize)
    expect(store.storing.running).toBe(2)
    synced.resolve()
    await upload
    await expectIdle(store)
    expect((await readBack(store, 'taken')).equals(bytes)).toBe(true)
    await store.catalog.deleteFile(defaultSpace, { name: (await upload).file.name })
  })

  it('leaves nothing when that fails', async () => {
    const { store, before, upload, synced } = await givenTaken()
    synced.reject(new StoreError('unavailable', 'The sync has failed.'))
    await expect(upload).rejects.toMatchObject({ code: 'unavailable' })
    await expectContents(store, before)
    await expectIdle(store)
  })
})

describe.each([3, long])('an upload of %d chunks', (chunks) => {
  const { bytes } = sampleChunk(chunks * chunkSize - 1, 4)
  const calls = [1, 2, chunks]

  it.each(calls)('fails with the chunk store at put %d and leaves nothing', async (call) => {
    for (const [kind, code] of [
      ['refuse', 'unavailable'],
      ['no-space', 'no_space'],
    ] as const) {
      const { store } = faultyFileStore(parts, { plan: [{ on: 'put', call, kind }] })
      const before = await contentsOf(store)
      await expect(uploadBytes(store, 'refused', bytes)).rejects.toMatchObject({ code })
      await expectContents(store, before)
    }
  })

  it.each(calls)('leaves only the chunk of put %d if nobody knows where it went', async (call) => {
    const { store } = faultyFileStore(parts, { plan: [{ on: 'put', call, kind: 'lose-reply' }] })
    const before = await contentsOf(store)
    await expect(uploadBytes(store, 'lost', bytes)).rejects.toMatchObject({ code: 'unavailable' })
    await expectIdle(store)
    const after = await eventually(async () => {
      const contents = await contentsOf(store)
      expect(contents.locations).toHaveLength(before.locations.length + 1)
      return contents
    })
    expect({ ...after, locations: before.locations }).toEqual(before)
  })

  it.each(calls)('waits for put %d, and is not there before', async (call) => {
    const { store, faults } = faultyFileStore(parts, { plan: [{ on: 'put', call, kind: 'hang' }] })
    const before = await contentsOf(store)
    const name = `hanging/${chunks}/${call}`
    const upload = uploadBytes(store, name, bytes)
    const putAtOnce = Math.min(chunks, call + store.options.maxUploadConcurrency - 1)
    await eventually(() => expect(faults.calls.put).toBeGreaterThanOrEqual(putAtOnce))
    expect((await contentsOf(store)).files).toEqual(before.files)
    faults.release()
    await upload
    expect((await readBack(store, name)).equals(bytes)).toBe(true)
    await store.catalog.deleteFile(defaultSpace, { name: (await upload).file.name })
    await expectContents(store, before)
  })

  it.each(calls.slice(0, 2))('that is cut off while put %d hangs leaves nothing', async (call) => {
    const { store, faults } = faultyFileStore(parts, { plan: [{ on: 'put', call, kind: 'hang' }] })
    const before = await contentsOf(store)
    const sent = bytes.subarray(0, 2 * chunkSize)
    const isHanging = () => expect(faults.calls.put).toBe(2)
    await expect(uploadUntilCutOff(store, 'hung', sent, isHanging)).rejects.toThrow(CutOff)
    await expectContents(store, before)
  })

  it('whose check fails at the end leaves nothing', async () => {
    const { store } = faultyFileStore(parts)
    const before = await contentsOf(store)
    let seen = 0
    const check: BodyCheck = {
      update: (piece) => {
        seen += piece.length
      },
      verify: () => {
        throw new StoreError('digest_mismatch', `Saw ${seen} bytes.`)
      },
    }
    await expect(uploadBytes(store, 'wrong', bytes, { checks: [check] })).rejects.toMatchObject({
      code: 'digest_mismatch',
      message: `Saw ${bytes.length} bytes.`,
    })
    await expectContents(store, before)
  })

  it('that is larger than a file may be leaves nothing, wherever it is found out', async () => {
    for (const maxFileSize of [1, chunkSize, bytes.length - 1]) {
      const { store } = faultyFileStore(parts, { maxFileSize })
      const before = await contentsOf(store)
      await expect(uploadBytes(store, 'large', bytes)).rejects.toMatchObject({ code: 'too_large' })
      await expectContents(store, before)
    }
  })

  it('that turns out to be too large while its chunks wait for the disk leaves nothing', async () => {
    const { store, faults } = faultyFileStore(parts, {
      maxUploadConcurrency: 1,
      maxFileSize: 2 * chunkSize,
      plan: [{ on: 'put', call: 1, kind: 'hang' }],
    })
    const before = await contentsOf(store)
    const upload = uploadBytes(store, 'large', bytes)
    await eventually(() => expect(faults.calls.put).toBe(1))
    faults.release()
    await expect(upload).rejects.toMatchObject({ code: 'too_large' })
    await expectContents(store, before)
  })
})
