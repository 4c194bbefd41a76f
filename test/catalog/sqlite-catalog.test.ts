import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { methods } from '../../src/catalog/sql/methods.ts'
import { execute } from '../../src/catalog/sql/prepared.ts'
import { openReader, openWriter } from '../../src/catalog/sqlite/connection.ts'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import type { SqliteCatalogOptions } from '../../src/catalog/sqlite/messages.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { describeCatalog } from './describe-catalog.ts'
import { aChunk, aDigest, aFile, aSpace, anUpload, inAMinute, outcomeOf, present, tally } from './fixtures.ts'

let directory: string | undefined
describeCatalog('sqlite', async () => {
  directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  return SqliteCatalog.open(join(directory, 'catalog.db'))
})
afterAll(async () => {
  if (directory) await rm(directory, { recursive: true })
})

async function aPath(): Promise<string> {
  return join(await temporaryDirectory(), 'catalog.db')
}

async function open(path: string, options?: SqliteCatalogOptions): Promise<SqliteCatalog> {
  const catalog = await SqliteCatalog.open(path, options)
  onTestFinished(() => catalog.close())
  return catalog
}

const unavailable = (words: RegExp) =>
  expect.objectContaining({ name: 'StoreError', code: 'unavailable', message: expect.stringMatching(words) })

describe('opening', () => {
  it('gives back everything that was there when it was closed', async () => {
    const path = await aPath()
    const space = aSpace()
    let now = 1000
    const first = await open(path, { now: () => now })
    const { file } = await first.createFile(aFile(space, 'x', { chunks: [aChunk(), aChunk()] }))
    now = 2000
    const changed = await first.updateFile(space, { id: file.id }, { mediaType: 'a/b' })
    expect(changed).toMatchObject({ createdAt: 1000, modifiedAt: 2000 })
    const { id } = await first.createUpload(anUpload(space, 'y'))
    await first.advanceUpload(id, 0, [aChunk()], inAMinute())
    const upload = await first.findUpload(space, id)
    const chunks = await first.listChunks(file.id, 0, 9)
    await first.close()

    const second = await open(path)
    expect(await second.findFile(space, { id: file.id })).toStrictEqual(changed)
    expect(await second.findUpload(space, id)).toStrictEqual(upload)
    expect(await second.listChunks(file.id, 0, 9)).toEqual(chunks)
    expect(await second.listChunks(id, 0, 9)).toHaveLength(1)
  })

  it('syncs every commit and reads without a right to write', async () => {
    const path = await aPath()
    const writer = await openWriter(path)
    onTestFinished(() => writer.close())
    const settings = sql`select * from pragma_journal_mode, pragma_synchronous, pragma_foreign_keys`
    expect(await execute(writer.db, settings)).toEqual([
      { journal_mode: 'wal', synchronous: 2, foreign_keys: 1 },
    ])
    const reader = openReader(path)
    onTestFinished(() => reader.close())
    await expect(execute(reader.db, sql`delete from files`)).rejects.toThrow('readonly')
  })

  it('folds the names of a database from before names were folded', async () => {
    const path = await aPath()
    const space = aSpace()
    const first = await open(path)
    for (const name of ['MÜLL', 'plain']) await first.createFile(aFile(space, name))
    await first.close()
    const old = new DatabaseSync(path)
    old.exec('drop index files_by_folded; alter table files drop column folded; pragma user_version = 3')
    old.close()
    const page = await (await open(path)).listFiles({ space, prefix: '', q: 'müll', limit: 9 })
    expect(page.files.map(({ name }) => name)).toEqual(['MÜLL'])
  })

  it('refuses a database that a newer Ashlar has written, and leaves it alone', async () => {
    const path = await aPath()
    const newer = new DatabaseSync(path)
    newer.exec('pragma user_version = 99')
    newer.close()
    await expect(open(path)).rejects.toEqual(unavailable(/version 99.* newer Ashlar/))
    const after = new DatabaseSync(path)
    onTestFinished(() => after.close())
    expect(after.prepare('select count(*) as tables from sqlite_schema').get()).toEqual({ tables: 0 })
  })

  it('refuses what is no database', async () => {
    const path = await aPath()
    await writeFile(path, 'this is not a database, but long enough to be taken for one '.repeat(20))
    await expect(open(path)).rejects.toMatchObject({ code: 'corrupt' })
  })
})

describe('running', () => {
  it('syncs once for many changes that come together, and lets no refused one harm another', async () => {
    const catalog = await open(await aPath())
    const space = aSpace()
    // While the large file is being written, everything behind it arrives.
    await catalog.createFile(aFile(space, 'first'))
    const before = catalog.committed
    const large = catalog.createFile(
      aFile(space, 'large', { chunks: Array.from({ length: 2000 }, () => aChunk()) }),
    )
    const files = Array.from({ length: 200 }, (_, index) =>
      aFile(space, `x${index}`, { chunks: [aChunk(), ...(index % 10 === 5 ? [present(aChunk())] : [])] }),
    )
    const outcomes = await Promise.all(files.map((file) => outcomeOf(catalog.createFile(file))))
    await large
    expect(catalog.committed - before).toBeLessThan(20)
    for (const [index, file] of files.entries()) {
      const isRefused = index % 10 === 5
      expect(outcomes[index]).toBe(isRefused ? 'chunk_gone' : 'done')
      expect((await catalog.findFile(space, { id: file.id })) === undefined).toBe(isRefused)
      expect((await catalog.findChunk(file.chunks[0]!.digest)) === undefined).toBe(isRefused)
    }
  })

  it.each([true, false])(
    'changes as many rows to finish an upload of a thousand chunks as of one, remembered %s',
    async (isRemembered) => {
      const writer = await openWriter(await aPath())
      onTestFinished(() => writer.close())
      const { db } = writer
      const totalChanges = async () => {
        const [row] = await execute(db, sql<{ total: number }>`select total_changes() as total`)
        return row!.total
      }
      const changedByFinish = async (count: number) => {
        const { id } = await methods.createUpload(db, anUpload(aSpace(), 'x'))
        const chunks = Array.from({ length: count }, () => aChunk())
        await writer.transactions.run([() => methods.advanceUpload(db, id, 0, chunks, 1)])
        const before = await totalChanges()
        await methods.finishUploads(db, [{ id, digest: aDigest(), isRemembered }])
        return (await totalChanges()) - before
      }
      expect(await changedByFinish(1000)).toBe(await changedByFinish(1))
    },
  )

  it('finishes what is on its way when it is closed, leaves one database, and refuses what comes later', async () => {
    const path = await aPath()
    const catalog = await open(path)
    const space = aSpace()
    const created = ['a', 'b', 'c'].map((name) => catalog.createFile(aFile(space, name)))
    const listed = catalog.listFiles({ space, prefix: '', limit: 9 })
    const closed = catalog.close()
    await expect(catalog.createFile(aFile(space, 'd'))).rejects.toEqual(unavailable(/closed/))
    await expect(catalog.listGarbage(1)).rejects.toEqual(unavailable(/closed/))
    expect(await tally([...created, listed])).toEqual({ done: 4 })
    await closed
    await catalog.close()
    expect((await readdir(join(path, '..'))).toSorted()).toEqual([
      'catalog.db',
      'catalog.db.commits',
      'catalog.db.lock',
    ])
    const file = new DatabaseSync(path)
    onTestFinished(() => file.close())
    expect(file.prepare('select count(*) as files from files').get()).toEqual({ files: 3 })
  })

  it('tells a failure that should not be from one of the disk, and keeps its stack', async () => {
    const catalog = await open(await aPath())
    const file = aFile(aSpace(), 'x')
    await catalog.createFile(file)
    await expect(catalog.createFile({ ...file, space: aSpace() })).rejects.toMatchObject({
      code: 'internal',
      cause: { message: expect.stringContaining('UNIQUE'), stack: expect.stringContaining('createFile') },
    })
  })
})
