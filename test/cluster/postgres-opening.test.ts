import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { createAnew } from '../../src/catalog/postgres/create-anew.ts'
import {
  openPostgresCatalog,
  openPostgresInspection,
} from '../../src/catalog/postgres/open-postgres-catalog.ts'
import type { PostgresCatalog } from '../../src/catalog/postgres/postgres-catalog.ts'
import { aChunk, aFile, aLocation, aSpace, tally } from '../catalog/fixtures.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

async function closing<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const opened = await opening
  onTestFinished(() => opened.close())
  return opened
}

const open = (url: string): Promise<PostgresCatalog> => closing(openPostgresCatalog(url))

const unavailable = (words: RegExp) =>
  expect.objectContaining({ name: 'StoreError', code: 'unavailable', message: expect.stringMatching(words) })

const tablesIn = async (url: string) =>
  server.query(`select tablename from pg_tables where schemaname = current_schema()`, url)

describe('opening', () => {
  it('makes the tables once, however many do so at the same time', async () => {
    const url = await server.createSchema()
    const catalogs = await Promise.all(Array.from({ length: 8 }, () => open(url)))
    const space = aSpace()
    await Promise.all(catalogs.map((catalog, index) => catalog.createFile(aFile(space, `x${index}`))))
    expect((await catalogs[0]!.listFiles({ space, prefix: '', limit: 9 })).files).toHaveLength(8)
    expect(await server.query('select * from ashlar_catalog', url)).toEqual([
      { version: expect.any(Number), is_draft: false },
    ])
  })

  it('finds what was there, in its own schema only', async () => {
    const [url, other] = [await server.createSchema(), await server.createSchema()]
    const space = aSpace()
    const first = await openPostgresCatalog(url, { now: () => 1000 })
    const { file } = await first.createFile(aFile(space, 'x', { chunks: [aChunk()] }))
    await first.close()
    expect(file).toMatchObject({ createdAt: 1000, modifiedAt: 1000 })
    expect(await (await open(url)).findFile(space, { id: file.id })).toStrictEqual(file)
    const schemas = [other, url].map((each) => new URL(each).searchParams.get('options')!.split('=')[1])
    const both = server.url({ schema: schemas.join(',') })
    expect(await (await open(both)).findFile(space, { id: file.id })).toBeUndefined()
  })

  it('folds the names of a catalog from before names were folded', async () => {
    const url = await server.createSchema()
    const space = aSpace()
    const first = await openPostgresCatalog(url)
    for (const name of ['MÜLL', 'plain', 'ÄPFEL']) await first.createFile(aFile(space, name))
    await first.close()
    await server.query(
      'alter table files drop column folded; drop sequence commits; update ashlar_catalog set version = 3',
      url,
    )
    const page = await (await open(url)).listFiles({ space, prefix: '', q: 'müll', limit: 9 })
    expect(page.files.map(({ name }) => name)).toEqual(['MÜLL'])
  })

  it('refuses what a newer Ashlar has written, and leaves it alone', async () => {
    const url = await server.createSchema()
    await server.query(
      'create table ashlar_catalog (version integer, is_draft boolean); insert into ashlar_catalog values (99, false)',
      url,
    )
    const newer = unavailable(/version 99, but this Ashlar knows versions up to \d+: start the newer Ashlar/)
    await expect(openPostgresCatalog(url)).rejects.toEqual(newer)
    await expect(openPostgresInspection(url)).rejects.toEqual(newer)
    await expect(createAnew(url, async () => {})).rejects.toEqual(newer)
    expect(await tablesIn(url)).toHaveLength(1)
  })

  it('refuses tables of something else, and leaves them alone', async () => {
    const url = await server.createSchema()
    await server.query('create table uploads (a text)', url)
    await expect(openPostgresCatalog(url)).rejects.toEqual(unavailable(/tables of something else/))
    expect(await tablesIn(url)).toEqual([{ tablename: 'uploads' }])
  })

  it('keeps no process alive that has nothing more to do', async () => {
    const child = fileURLToPath(new URL('children/leave-open.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [child, await server.createSchema()])
    expect(stdout).toBe('done\n')
  })
})

describe('an inspection', () => {
  it('sees what is acknowledged beside it, and can change nothing', async () => {
    const url = await server.createSchema()
    const catalog = await open(url)
    const beside = await closing(openPostgresInspection(url))
    const chunk = aChunk()
    const { file } = await catalog.createFile(aFile(aSpace(), 'x', { chunks: [chunk] }))
    expect(await beside.findChunk(chunk.digest)).toMatchObject({ location: chunk.location })
    expect(await beside.listHolders(chunk.digest, 9)).toEqual([{ id: file.id, name: 'x', isUpload: false }])
    expect(await beside.listChunks(file.id, 0, 9)).toHaveLength(1)
    const change = (beside as Catalog).forgetGarbage([aLocation()])
    await expect(change).rejects.toEqual(unavailable(/takes no changes/))
  })

  it('is refused where there is no catalog, or an older one, and makes none', async () => {
    const url = await server.createSchema()
    await expect(openPostgresInspection(url)).rejects.toEqual(
      unavailable(/is not there: start the server once/),
    )
    expect(await tablesIn(url)).toEqual([])
    await server.query(
      'create table ashlar_catalog (version integer, is_draft boolean); insert into ashlar_catalog values (0, false)',
      url,
    )
    await expect(openPostgresInspection(url)).rejects.toEqual(unavailable(/start the server once/))
  })
})

describe('closing', () => {
  it('finishes what is on its way, and refuses what comes later', async () => {
    const url = await server.createSchema()
    const catalog = await openPostgresCatalog(url, { maxConnections: 2 })
    const space = aSpace()
    const created = ['a', 'b', 'c', 'd'].map((name) => catalog.createFile(aFile(space, name)))
    const listed = catalog.listFiles({ space, prefix: '', limit: 9 })
    const closed = catalog.close()
    await expect(catalog.createFile(aFile(space, 'e'))).rejects.toEqual(unavailable(/closed/))
    await expect(catalog.listGarbage(1)).rejects.toEqual(unavailable(/closed/))
    expect(await tally([...created, listed])).toEqual({ done: 5 })
    await closed
    await catalog.close()
    const again = await open(url)
    expect((await again.listFiles({ space, prefix: '', limit: 9 })).files).toHaveLength(4)
  })
})
