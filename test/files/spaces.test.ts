import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openFile, reopenFile } from '../../src/files/download/download.ts'
import { openSmallFile } from '../../src/files/download/open-small-file.ts'
import { deleteFile, updateFile } from '../../src/files/manifests/update-file.ts'
import { appendToUpload } from '../../src/files/resume/append-to-upload.ts'
import { presentUpload, takeOverUpload } from '../../src/files/resume/finish-upload.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { uploadFile } from '../../src/files/upload/upload-file.ts'
import { UploadsTogether } from '../../src/files/upload/upload-together.ts'
import { parseFileName, type FileId, type FileRef, type Space } from '../../src/model/file.ts'
import { localCaller, type Caller } from '../../src/model/principal.ts'
import { bodyOf } from '../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../robustness/shared-parts.ts'

let parts: SharedParts
let store: FileStore
beforeAll(async () => {
  parts = await openSharedParts()
  ;({ store } = faultyFileStore(parts, { maxHotMemory: 1024 * 1024 }))
})
afterAll(() => parts.close())

const ours: Caller = { ...localCaller, space: 'ours' as Space }
const theirs: Caller = { ...localCaller, space: 'theirs' as Space }
const notFound = { code: 'not_found' }

async function put(caller: Caller, name: string, bytes = randomBytes(100)): Promise<FileId> {
  const request = { name: parseFileName(name), mediaType: 'text/plain' }
  const { file } = await uploadFile(store, caller, () => bodyOf(bytes), request)
  return file.id
}

async function idBehind(caller: Caller, ref: FileRef): Promise<FileId | undefined> {
  const open = await openFile(store, caller, ref)
  open?.close()
  return open?.file.id
}

it('files of two spaces can have one name, and each space finds its own', async () => {
  const name = parseFileName('same')
  const [ofOurs, ofTheirs] = [await put(ours, 'same'), await put(theirs, 'same')]
  expect([await idBehind(ours, { name }), await idBehind(theirs, { name })]).toEqual([ofOurs, ofTheirs])
  await deleteFile(store, ours, { name })
  expect([await idBehind(ours, { name }), await idBehind(theirs, { name })]).toEqual([undefined, ofTheirs])
})

it.each<[string, (ref: FileRef) => Promise<unknown>]>([
  ['changed', (ref) => updateFile(store, theirs, ref, { mediaType: 'a/b' })],
  ['deleted', (ref) => deleteFile(store, theirs, ref)],
])('a file cannot be %s from another space, by name or by id', async (_, attempt) => {
  const id = await put(ours, 'kept')
  for (const ref of [{ id }, { name: parseFileName('kept') }]) {
    await expect(attempt(ref)).rejects.toMatchObject(notFound)
  }
  expect(await idBehind(ours, { id })).toBe(id)
})

it('a file cannot be read from another space, not even one that is in memory or awaits its client', async () => {
  const id = await put(ours, 'read')
  const name = parseFileName('read')
  expect(await idBehind(theirs, { id })).toBeUndefined()
  const open = (await openFile(store, ours, { id }))!
  const small = await openSmallFile(store, open.file, store.smallFiles.changes)
  small!.release()
  for (const ref of [{ id }, { name }]) {
    expect(store.smallFiles.find(theirs.space, ref)).toBeUndefined()
    const found = store.smallFiles.find(ours.space, ref)
    expect(found?.file.id).toBe(id)
    found!.release()
  }
  const { digest } = open.file
  expect(reopenFile(store, theirs, { id }, [digest])).toBeUndefined()
  const again = reopenFile(store, ours, { id }, [digest])
  expect(again?.file.id).toBe(id)
  for (const each of [open, again!]) each.close()
  expect(store.activeDownloads.inUse).toEqual([])
})

it('a form stores its files in the space of its caller', async () => {
  const uploads = new UploadsTogether(store, theirs)
  await uploads.add(bodyOf(randomBytes(10)), { name: parseFileName('form'), mediaType: 'a/b' })
  const [committed] = await uploads.commit()
  expect(committed!.file.space).toBe(theirs.space)
})

it('an upload can be neither seen, nor appended to, nor interrupted from another space', async () => {
  const id = randomUUIDv7() as FileId
  const expiresAt = Date.now() + 60_000
  const { space } = ours
  await store.catalog.createUpload({
    id,
    space,
    name: parseFileName('up'),
    mediaType: 'a/b',
    metadata: {},
    expiresAt,
    size: 20,
  })
  const request = { from: 0, checks: [] }
  const body = new PassThrough()
  body.write(randomBytes(10))
  const going = Promise.withResolvers<void>()
  const appending = appendToUpload(store, ours, id, () => body, {
    ...request,
    observers: [{ update: () => going.resolve() }],
  })
  await going.promise
  await expect(presentUpload(store, theirs, id)).rejects.toMatchObject(notFound)
  await expect(takeOverUpload(store, theirs, id)).rejects.toMatchObject(notFound)
  await expect(
    appendToUpload(store, theirs, id, () => bodyOf(randomBytes(20)), request),
  ).rejects.toMatchObject(notFound)
  body.end(randomBytes(10))
  const { committed } = await appending
  expect(committed?.file).toMatchObject({ id, space, size: 20 })
})
