import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAnew } from '../../../src/catalog/sqlite/create-anew.ts'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { appendToUpload } from '../../../src/files/resume/append-to-upload.ts'
import { deleteFile, updateFile } from '../../../src/files/manifests/update-file.ts'
import type { FileStore } from '../../../src/files/state/file-store.ts'
import { rebuild } from '../../../src/files/manifests/rebuild.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { parseFileName, defaultSpace, type FileId } from '../../../src/model/file.ts'
import { readBack } from '../../robustness/read-back.ts'
import { bodyOf, uploadBytes } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { collectAll, contentsOf, expectSound, findByName, migrated } from '../migrating.ts'
import { localCaller } from '../../../src/model/principal.ts'

const chunkSize = 4 * 1024

let from: SharedParts
let to: SharedParts
beforeAll(async () => {
  ;[from, to] = await Promise.all([openSharedParts(), openSharedParts()])
})
afterAll(() => Promise.all([from.close(), to.close()]))

let tests = 0

/** Two stores, and names that no other test has. */
function given() {
  tests += 1
  const [{ store: source }, { store: target, faults, background }] = [from, to].map((parts) =>
    faultyFileStore(parts, { chunkSize }),
  ) as [ReturnType<typeof faultyFileStore>, ReturnType<typeof faultyFileStore>]
  return { source, target, faults, background, prefix: `${tests}/` }
}

const named = (name: string) => ({ name: parseFileName(name) })

async function expectSame(source: FileStore, target: FileStore, prefix: string): Promise<void> {
  expect(await contentsOf(target, prefix)).toEqual(await contentsOf(source, prefix))
  await expectSound(target, prefix)
}

describe('files of another store', () => {
  it('come with all that is known of them, their ids, times and chunks, whatever they are made of', async () => {
    const { source, target, prefix } = given()
    const contents = new Map([
      ['empty', Buffer.alloc(0)],
      ['small', randomBytes(10)],
      ['just-one-commit', randomBytes(64 * chunkSize)],
      ['one-chunk-more', randomBytes(64 * chunkSize + 1)],
      ['long', randomBytes(200 * chunkSize + 77)],
      ['folder/größer 100%', randomBytes(3 * chunkSize)],
    ])
    for (const [name, bytes] of contents)
      await uploadBytes(source, prefix + name, bytes, { mediaType: 'a/b', metadata: { name } })
    await updateFile(source, localCaller, named(`${prefix}small`), { metadata: { changed: 'later' } })
    const before = await contentsOf(source, prefix)
    const sizes = [...contents.values()].map(({ length }) => length)

    expect(await migrated(source, target, { prefix })).toEqual({
      copied: [...contents.keys()].map((name) => prefix + name).sort(),
      changed: [],
      unchanged: [],
      failed: [],
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    })
    await expectSame(source, target, prefix)
    expect(await contentsOf(source, prefix)).toEqual(before)
    for (const [name, bytes] of contents)
      expect(bytes.equals(await readBack(target, prefix + name))).toBe(true)
    const small = await findByName(target, `${prefix}small`)
    expect(small!.modifiedAt).toBeGreaterThan(small!.createdAt)
  })

  it('keep chunks of sizes that this store would not cut', async () => {
    const { source, target, prefix } = given()
    const id = await aBegunUpload(source, `${prefix}uneven`, 12_345)
    for (const [at, length] of [
      [0, 5000],
      [5000, 1],
      [5001, 7344],
    ] as const) {
      await appendToUpload(source, localCaller, id, () => bodyOf(randomBytes(length)), {
        from: at,
        checks: [],
      })
    }
    await migrated(source, target, { prefix })
    await expectSame(source, target, prefix)
    const [file] = await contentsOf(target, prefix)
    expect(file!.chunks.map(({ size }) => size)).toEqual([4096, 904, 1, 4096, 3248])
  })

  it('are there when it is done again, and nothing is put', async () => {
    const { source, target, faults, prefix } = given()
    for (const name of ['a', 'b']) await uploadBytes(source, prefix + name, randomBytes(100 * chunkSize))
    await migrated(source, target, { prefix })
    faults.replan([])
    expect(await migrated(source, target, { prefix })).toMatchObject({
      copied: [],
      unchanged: [`${prefix}a`, `${prefix}b`],
      failed: [],
    })
    expect(faults.calls).toMatchObject({ put: 0, read: 0 })
  })

  it('are taken by their prefix, over several pages', async () => {
    const { source, target, prefix } = given()
    const names = Array.from({ length: 300 }, (_, n) => `${prefix}many/${String(n).padStart(3, '0')}`)
    await Promise.all(
      [...names, `${prefix}other`].map((name) => uploadBytes(source, name, Buffer.from(name))),
    )
    expect(await migrated(source, target, { prefix: `${prefix}many/` })).toMatchObject({ copied: names })
    expect(await findByName(target, `${prefix}other`)).toBeUndefined()
  })

  it('come from disk to disk, where the catalog can be lost, and back', async () => {
    const [source, target] = [
      await startTestServer({ chunkSize: 2.5 * blockBytes, hasManifestsOnDisk: true }),
      await startTestServer({ hasManifestsOnDisk: true }),
    ]
    const bytes = randomBytes(4 * blockBytes + 12_345)
    await uploadBytes(source.store, 'blocks', bytes)
    await uploadBytes(source.store, 'folder/small', randomBytes(10))
    expect(await migrated(source.store, target.store, { prefix: '' })).toMatchObject({ failed: [] })
    await expectSame(source.store, target.store, '')
    expect(bytes.equals(await readBack(target.store, 'blocks'))).toBe(true)
    expect(await rebuiltContentsOf(target)).toEqual(await contentsOf(source.store, ''))
    await deleteFile(source.store, localCaller, named('blocks'))
    await collectAll(source.store)
    expect(await migrated(target.store, source.store, { prefix: '' })).toMatchObject({
      copied: ['blocks'],
      unchanged: ['folder/small'],
    })
    await expectSame(target.store, source.store, '')
    expect(bytes.equals(await readBack(source.store, 'blocks'))).toBe(true)
  })
})

describe('content that the store has', () => {
  it('is not put again', async () => {
    const { source, target, faults, prefix } = given()
    const bytes = randomBytes(100 * chunkSize)
    await uploadBytes(target, `${prefix}there`, bytes)
    for (const [name, end] of [
      ['long', 100],
      ['short', 50],
    ] as const)
      await uploadBytes(source, `${prefix}from/${name}`, bytes.subarray(0, end * chunkSize))
    faults.replan([])
    expect(await migrated(source, target, { prefix })).toMatchObject({ failed: [] })
    expect(faults.calls.put).toBe(0)
    const mine = `${prefix}from/`
    expect(await contentsOf(target, mine)).toEqual(await contentsOf(source, mine))
    await expectSound(target, prefix)
  })

  it('is mended where it is damaged', async () => {
    const { source, target, faults, background, prefix } = given()
    const bytes = randomBytes(3 * chunkSize)
    const { file } = await uploadBytes(target, `${prefix}there`, bytes)
    await uploadBytes(source, `${prefix}mine`, bytes)
    const [, second] = await target.catalog.listChunks(file.id, 0, 3)
    await to.chunks.delete(second!.location)
    faults.replan([])
    expect(await migrated(source, target, { prefix })).toMatchObject({ failed: [] })
    expect(faults.calls.put).toBe(1)
    expect(background).toMatchObject([{ error: { code: 'not_found' } }])
    await expectSound(target, prefix)
    expect(bytes.equals(await readBack(target, `${prefix}there`))).toBe(true)
  })
})

describe('a name', () => {
  it('that the store has with another file gets the file of the source; all others stay', async () => {
    const { source, target, prefix } = given()
    for (const name of ['short', 'long', 'theirs']) await uploadBytes(target, prefix + name, randomBytes(10))
    await uploadBytes(source, `${prefix}short`, randomBytes(10))
    await uploadBytes(source, `${prefix}long`, randomBytes(70 * chunkSize))
    const theirs = await findByName(target, `${prefix}theirs`)
    await migrated(source, target, { prefix })
    const [long, short] = await contentsOf(source, prefix)
    const after = await contentsOf(target, prefix)
    expect(after.map(({ id }) => id)).toEqual([long!.id, short!.id, theirs!.id])
    await expectSound(target, prefix)
  })

  it('of which the file was deleted since stays', async () => {
    const { source, target, prefix } = given()
    const { file } = await uploadBytes(source, `${prefix}x`, randomBytes(10))
    await migrated(source, target, { prefix })
    await deleteFile(source, localCaller, named(`${prefix}x`))
    expect(await migrated(source, target, { prefix })).toMatchObject({ copied: [], unchanged: [] })
    expect(await findByName(target, `${prefix}x`)).toEqual(file)
  })

  it('description or metadata that was changed since is changed here, and replaces another file', async () => {
    const { source, target, faults, prefix } = given()
    for (const name of ['a', 'b']) await uploadBytes(source, prefix + name, randomBytes(70 * chunkSize))
    await migrated(source, target, { prefix })
    await updateFile(source, localCaller, named(`${prefix}a`), {
      name: parseFileName(`${prefix}c`),
      mediaType: 'x/y',
    })
    await updateFile(source, localCaller, named(`${prefix}b`), { metadata: { place: 'Carrara' } })
    await uploadBytes(target, `${prefix}c`, randomBytes(10))
    faults.replan([])
    expect(await migrated(source, target, { prefix })).toMatchObject({
      copied: [],
      changed: [`${prefix}b`, `${prefix}c`],
      failed: [],
    })
    expect(faults.calls.put).toBe(0)
    await expectSame(source, target, prefix)
    expect(await migrated(source, target, { prefix })).toMatchObject({ changed: [] })
  })

  it('that was changed here later stays as it is here', async () => {
    const { source, target, prefix } = given()
    await uploadBytes(source, `${prefix}a`, randomBytes(10))
    await migrated(source, target, { prefix })
    await updateFile(source, localCaller, named(`${prefix}a`), { mediaType: 'x/y' })
    const file = await updateFile(target, localCaller, named(`${prefix}a`), {
      name: parseFileName(`${prefix}b`),
    })
    expect(await migrated(source, target, { prefix })).toMatchObject({
      unchanged: [`${prefix}a`],
      failed: [],
    })
    expect(await contentsOf(target, prefix)).toMatchObject([file])
  })
})

describe('a file that was deleted here', () => {
  it.each([
    { size: 10, kind: 'short' },
    { size: 70 * chunkSize, kind: 'long' },
  ])('and is $kind comes again once that is collected, and not before', async ({ size }) => {
    const { source, target, prefix } = given()
    const { file } = await uploadBytes(source, `${prefix}x`, randomBytes(size))
    await migrated(source, target, { prefix })
    await deleteFile(target, localCaller, { id: file.id })
    const { failed } = await migrated(source, target, { prefix })
    expect(failed).toEqual([expect.stringMatching(/x: .* unlinked this file/)])
    await collectAll(target)
    expect(await migrated(source, target, { prefix })).toMatchObject({ copied: [`${prefix}x`], failed: [] })
    await expectSame(source, target, prefix)
  })

  it('comes again although the upload that it was is remembered', async () => {
    const { source, target, prefix } = given()
    const id = await aBegunUpload(target, `${prefix}x`, 70 * chunkSize)
    const bytes = randomBytes(70 * chunkSize)
    await appendToUpload(target, localCaller, id, () => bodyOf(bytes), { from: 0, checks: [] })
    await migrated(target, source, { prefix })
    await deleteFile(target, localCaller, { id })
    await collectAll(target)
    expect(await target.catalog.findUpload(defaultSpace, id)).toMatchObject({ isFinished: true })
    expect(await migrated(source, target, { prefix })).toMatchObject({ copied: [`${prefix}x`], failed: [] })
    await expectSame(source, target, prefix)
  })
})

/** What is left of files where only chunks and manifests are. */
async function rebuiltContentsOf({ store, chunkDirectory }: TestServer) {
  const path = join(dirname(chunkDirectory), 'rebuilt.sqlite')
  await createAnew(path, async (catalog) => void (await rebuild(store, catalog)))
  const catalog = await SqliteCatalog.open(path)
  try {
    return await contentsOf({ catalog, chunks: store.chunks }, '')
  } finally {
    await catalog.close()
  }
}

async function aBegunUpload({ catalog }: FileStore, name: string, size: number): Promise<FileId> {
  const described = { name: parseFileName(name), mediaType: 'x/y', metadata: {}, space: defaultSpace, size }
  const id = randomUUIDv7() as FileId
  await catalog.createUpload({ ...described, id, expiresAt: Date.now() + 60_000 })
  return id
}
