import { readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { SqliteInspection } from '../../../src/catalog/sqlite/sqlite-inspection.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { aChunk, aFile, aLocation, aSpace } from '../fixtures.ts'

async function aPath(): Promise<string> {
  return join(await temporaryDirectory(), 'catalog.db')
}

async function inspection(path: string): Promise<SqliteInspection> {
  const opened = await SqliteInspection.open(path)
  onTestFinished(() => opened.close())
  return opened
}

const unavailable = (words: RegExp) =>
  expect.objectContaining({ name: 'StoreError', code: 'unavailable', message: expect.stringMatching(words) })

it('sees what a catalog that is open has acknowledged, as it comes', async () => {
  const path = await aPath()
  const catalog = await SqliteCatalog.open(path)
  onTestFinished(() => catalog.close())
  const beside = await inspection(path)
  const unknown = aLocation()
  for (const chunk of [aChunk(), aChunk()]) {
    const { file } = await catalog.createFile(aFile(aSpace(), 'x', { chunks: [chunk] }))
    expect(await beside.findChunk(chunk.digest)).toMatchObject({ location: chunk.location })
    expect(await beside.listUnknown([chunk.location, unknown])).toEqual([unknown])
    expect(await beside.listHolders(chunk.digest, 9)).toEqual([{ id: file.id, name: 'x', isUpload: false }])
  }
  expect(await beside.listAllChunks(undefined, 9)).toHaveLength(2)
  expect(await beside.checkLists(undefined, 9)).toHaveLength(2)
  const query = { unlinkedBefore: 0, expiredBefore: 0, foundBefore: 0 }
  expect(await beside.countCollectable(query)).toEqual({ uploads: 0, chunks: 0, bytes: 0 })
})

it('reads a closed catalog, and does not lock it', async () => {
  const path = await aPath()
  const before = await SqliteCatalog.open(path)
  const chunk = aChunk()
  await before.createFile(aFile(aSpace(), 'x', { chunks: [chunk] }))
  await before.close()
  const beside = await inspection(path)
  expect(await beside.findChunk(chunk.digest)).toBeDefined()
  const after = await SqliteCatalog.open(path)
  await after.createFile(aFile(aSpace(), 'y'))
  await after.close()
  expect(await beside.checkLists(undefined, 9)).toHaveLength(2)
})

describe('is refused', () => {
  it('where there is no catalog, and makes none', async () => {
    const path = await aPath()
    await expect(SqliteInspection.open(path)).rejects.toEqual(unavailable(/cannot be used/))
    expect(await readdir(dirname(path))).toEqual([])
  })

  it.each([
    [0, /version 0, not \d+: start the server once/],
    [99, /version 99.*start the newer Ashlar/],
  ])('one of version %d', async (version, words) => {
    const path = await aPath()
    const other = new DatabaseSync(path)
    other.exec(`create table t (a); pragma user_version = ${version}`)
    other.close()
    await expect(SqliteInspection.open(path)).rejects.toEqual(unavailable(words))
  })

  it('what is no database', async () => {
    const path = await aPath()
    await writeFile(path, 'this is not a database, but long enough to be taken for one '.repeat(20))
    await expect(SqliteInspection.open(path)).rejects.toMatchObject({ code: 'corrupt' })
  })
})
