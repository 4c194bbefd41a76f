import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { findFile } from '../../../src/catalog/sql/file-rows.ts'
import { openWriter } from '../../../src/catalog/sqlite/connection.ts'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { aFile, aSpace, named } from '../fixtures.ts'

const died = { name: 'StoreError', code: 'unavailable', message: expect.stringContaining('died') }

/** Opens a catalog and shows the threads that it has started. */
async function openWithThreads() {
  const threads: Worker[] = []
  const notice = (worker: Worker) => threads.push(worker)
  process.on('worker', notice)
  const path = join(await temporaryDirectory(), 'catalog.db')
  const catalog = await SqliteCatalog.open(path)
  process.off('worker', notice)
  onTestFinished(() => catalog.close())
  const [writer, reader] = threads
  return { catalog, path, writer: writer!, reader: reader! }
}

it.each(['writer', 'reader'] as const)('rejects every call once the %s is dead', async (name) => {
  const { catalog, path, ...threads } = await openWithThreads()
  const space = aSpace()
  await catalog.createFile(aFile(space, 'before'))
  const files = Array.from({ length: 500 }, (_, index) => aFile(space, `x${index}`))
  const pending = Promise.allSettled([
    ...files.map((file) => catalog.createFile(file)),
    ...files.map((file) => catalog.findFile(space, { id: file.id })),
  ])
  await threads[name].terminate()

  const rejected = (await pending).filter((one) => one.status === 'rejected')
  expect(rejected).not.toEqual([])
  for (const { reason } of rejected) expect(reason).toMatchObject(died)
  await expect(catalog.createFile(aFile(space, 'later'))).rejects.toMatchObject(died)
  await expect(catalog.findFile(space, { name: named('before') })).rejects.toMatchObject(died)
  await catalog.close()

  const reopened = await openWriter(path)
  onTestFinished(() => reopened.close())
  expect(await findFile(reopened.db, space, { name: named('before') })).toMatchObject({ space })
})

it.each([
  ['a small database between other reads', 0, 0],
  ['a large one on a thread of its own', 5 * 1024 * 1024, 1],
])('finds damage by checking %s', async (_what, bytes, moreThreads) => {
  const path = join(await temporaryDirectory(), 'catalog.db')
  await (await SqliteCatalog.open(path)).close()
  const database = new DatabaseSync(path, { defensive: false })
  database
    .prepare(
      'insert into chunks (digest, size, location, block_digests) values (zeroblob(32), 1, ?, zeroblob(?))',
    )
    .run('somewhere', bytes)
  // The pages of this index belong to nothing then.
  database.exec("pragma writable_schema = on; delete from sqlite_schema where name = 'chunks_by_check'")
  database.close()
  const catalog = await SqliteCatalog.open(path, { maxCheckedBytes: 0 })
  onTestFinished(() => catalog.close())
  let started = 0
  const count = () => started++
  process.on('worker', count)
  onTestFinished(() => void process.off('worker', count))

  expect(await catalog.verify()).toEqual([expect.stringContaining('never used')])
  expect(started).toBe(moreThreads)
})
