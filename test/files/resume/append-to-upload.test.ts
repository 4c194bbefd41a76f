import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendToUpload } from '../../../src/files/resume/append-to-upload.ts'
import { finishIfComplete, presentUpload, takeOverUpload } from '../../../src/files/resume/finish-upload.ts'
import type { BodyCheck } from '../../../src/files/upload/receive.ts'
import { StoreError } from '../../../src/model/errors.ts'
import { parseFileName, defaultSpace, type FileId } from '../../../src/model/file.ts'
import { eventually } from '../../robustness/eventually.ts'
import { intercept } from '../../support/faulty-catalog.ts'
import { readBack } from '../../robustness/read-back.ts'
import { bodyOf } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../../robustness/store-contents.ts'
import { localCaller } from '../../../src/model/principal.ts'

const chunkSize = 64 * 1024
const holds: BodyCheck = { update: () => {}, verify: () => {} }
const fails: BodyCheck = {
  update: () => {},
  verify: () => {
    throw new StoreError('checksum_mismatch', 'The body is wrong, as planned.')
  },
}

function refuseForSpace(): Promise<never> {
  return Promise.reject(new StoreError('no_space', 'The disk is full, as planned.', { isRefusal: true }))
}

function refuseToAnswer(): Promise<never> {
  return Promise.reject(new StoreError('unavailable', 'No answer, as planned.'))
}

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

async function givenUpload(size: number): Promise<FileId> {
  const id = randomUUIDv7() as FileId
  const described = { name: parseFileName(id), mediaType: 'x/y', metadata: {}, space: defaultSpace, size }
  await parts.catalog.createUpload({ id, ...described, expiresAt: Date.now() + 60_000 })
  return id
}

describe('as it comes', () => {
  it('a request whose storing fails ends when the offset has stopped moving', async () => {
    const events: string[] = []
    const isAdvancing = Promise.withResolvers<void>()
    const { store, faults } = faultyFileStore(parts, {
      chunkSize,
      plan: [{ on: 'put', call: 2, kind: 'no-space' }],
      wrapCatalog: (catalog) =>
        intercept(catalog, 'advanceUpload', async (call) => {
          isAdvancing.resolve()
          await eventually(() => expect(faults.calls.put).toBeGreaterThan(1))
          // Whoever does not wait for this has all the time to be done before.
          for (let turns = 0; turns < 10; turns++) await setImmediate()
          const offset = await call()
          events.push('advanced')
          return offset
        }),
    })
    const bytes = randomBytes(2 * chunkSize)
    const id = await givenUpload(bytes.length)
    const body = async function* () {
      yield bytes.subarray(0, chunkSize)
      await isAdvancing.promise
      yield bytes.subarray(chunkSize)
    }
    const open = () => Readable.from(body(), { objectMode: false })
    const appending = appendToUpload(store, localCaller, id, open, { from: 0, checks: [] })
    await expect(appending.finally(() => events.push('ended'))).rejects.toMatchObject({ code: 'no_space' })
    expect(events).toEqual(['advanced', 'ended'])
    expect(await presentUpload(store, localCaller, id)).toMatchObject({ offset: chunkSize })
    await expectIdle(store)

    const rest = () => bodyOf(bytes.subarray(chunkSize))
    await appendToUpload(store, localCaller, id, rest, { from: chunkSize, checks: [] })
    expect((await readBack(store, `@${id}`)).equals(bytes)).toBe(true)
  })

  it('who settles it gets all that had come, once that is durable', async () => {
    const { store, faults } = faultyFileStore(parts, {
      chunkSize,
      plan: [{ on: 'put', call: 1, kind: 'hang' }],
    })
    const bytes = randomBytes(2 * chunkSize + 100)
    const id = await givenUpload(bytes.length + 1)
    const isTaken = Promise.withResolvers<void>()
    const body = async function* () {
      yield bytes
      await isTaken.promise
    }
    const open = () => Readable.from(body(), { objectMode: false })
    const appending = appendToUpload(store, localCaller, id, open, { from: 0, checks: [] })
    const cutOff = appending.catch((error: unknown) => error)
    await eventually(() => expect(faults.calls.put).toBe(2))
    const settling = takeOverUpload(store, localCaller, id)
    await expect(appendToUpload(store, localCaller, id, open, { from: 0, checks: [] })).rejects.toMatchObject(
      {
        code: 'offset_conflict',
      },
    )
    faults.release()
    expect(await settling).toMatchObject({ offset: bytes.length })
    isTaken.resolve()
    expect(await cutOff).toMatchObject({ code: 'aborted' })
    await store.catalog.deleteUpload(id)
    await expectIdle(store)
  })
})

describe('in a staging upload', () => {
  it.each([
    ['a check fails', undefined, [holds, fails], 'checksum_mismatch'],
    ['the catalog does not take it over', 'appendUpload', [holds], 'no_space'],
    ['the catalog does not advance', 'advanceUpload', [holds], 'no_space'],
  ] as const)('nothing is left if %s', async (_, method, checks, code) => {
    const { store } = faultyFileStore(parts, {
      chunkSize,
      wrapCatalog: (catalog) => (method ? intercept(catalog, method, refuseForSpace) : catalog),
    })
    const id = await givenUpload(10 * chunkSize)
    const before = await contentsOf(store)
    const open = () => bodyOf(randomBytes(3 * chunkSize))
    await expect(appendToUpload(store, localCaller, id, open, { from: 0, checks })).rejects.toMatchObject({
      code,
    })
    expect(await presentUpload(store, localCaller, id)).toMatchObject({ offset: 0 })
    await expectContents(store, before)
    await store.catalog.deleteUpload(id)
  })

  it('what cannot be deleted is told to the operator, and its cause to the client', async () => {
    const { store, background } = faultyFileStore(parts, {
      chunkSize,
      wrapCatalog: (catalog) => intercept(catalog, 'deleteUpload', refuseToAnswer),
    })
    const id = await givenUpload(10 * chunkSize)
    const appending = appendToUpload(store, localCaller, id, () => bodyOf(randomBytes(100)), {
      from: 0,
      checks: [fails],
    })
    await expect(appending).rejects.toMatchObject({ code: 'checksum_mismatch' })
    expect(background).toMatchObject([{ error: { code: 'unavailable' } }])
    for (const upload of await parts.catalog.listUploads(defaultSpace, 10)) {
      await parts.catalog.deleteUpload(upload.id)
    }
    await expectIdle(store)
  })
})

it.each([
  ['is refused', false],
  ['has a lost answer', true],
])('an upload whose finishing %s is a file as soon as somebody asks', async (_, isDone) => {
  const { store } = faultyFileStore(parts, {
    chunkSize,
    wrapCatalog: (catalog) =>
      intercept(catalog, 'finishUploads', async (call, nth) => {
        if (nth > 1 || isDone) await call()
        if (nth === 1) throw new StoreError('unavailable', 'No answer, as planned.')
        return call()
      }),
  })
  const bytes = randomBytes(3 * chunkSize)
  const id = await givenUpload(bytes.length)
  const appending = appendToUpload(store, localCaller, id, () => bodyOf(bytes), { from: 0, checks: [] })
  await expect(appending).rejects.toMatchObject({ code: 'unavailable' })
  const { upload } = await finishIfComplete(store, await takeOverUpload(store, localCaller, id))
  expect(upload).toMatchObject({ isFinished: true, offset: bytes.length })
  expect((await readBack(store, `@${id}`)).equals(bytes)).toBe(true)
  await expectIdle(store)
})
