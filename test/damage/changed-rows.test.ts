import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { damage } from '../../src/catalog/seals.ts'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { deleteFile, updateFile } from '../../src/files/manifests/update-file.ts'
import { exportFiles } from '../../src/files/copy/export-files.ts'
import { findOrphans } from '../../src/files/upkeep/find-orphans.ts'
import { withMethods } from '../../src/catalog/with-methods.ts'
import { parseFileName, defaultSpace } from '../../src/model/file.ts'
import { outcomeOf } from '../catalog/fixtures.ts'
import { readBack } from '../robustness/read-back.ts'
import { openCatalogHere } from '../support/catalog-here.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { overlay } from './overlay.ts'
import { makeSampleStore, storeOver, type SampleStore } from './sample-store.ts'
import { localCaller } from '../../src/model/principal.ts'

// Rows that were changed behind Ashlar's back, and agree with all indexes: only their seals can
// tell.

let sample: SampleStore
beforeAll(async () => {
  sample = await makeSampleStore(await mkdtemp(join(tmpdir(), 'ashlar-')), false)
})
afterAll(() => rm(sample.directory, { recursive: true }))

/** The sample's catalog after these statements, and all that is reported of it. */
async function changedStore(statements: string, wrap = (catalog: Catalog) => catalog) {
  const work = await temporaryDirectory()
  const path = join(work, 'catalog.sqlite')
  for (const name of ['catalog.sqlite', 'catalog.sqlite.commits'])
    await cp(join(sample.directory, name), join(work, name))
  const database = new DatabaseSync(path)
  database.exec(`pragma foreign_keys = off; ${statements}`)
  database.close()
  const catalog = await openCatalogHere(path)
  onTestFinished(() => catalog.close())
  const reported: unknown[] = []
  const [chunks, manifests] = [overlay(sample.chunks), overlay(sample.manifests)]
  const stores = { catalog: wrap(catalog), chunks: chunks.store, manifests: manifests.store }
  const store = storeOver(stores, (error) => reported.push(error))
  return { store, catalog, chunks, manifests, reported, work }
}

/** Sets the chunk of the first use in a list to that of another file. */
const otherChunk = `update file_chunks set chunk_id = (
  select chunk_id from file_chunks where file_id = (select id from files where name = 'long'))`

it.each([
  [
    'another chunk',
    `${otherChunk} where start = 0 and file_id = (select id from files where name = 'renamed')`,
  ],
  ['fewer bytes', "update files set size = size - 1 where name = 'renamed'"],
  ['another digest', "update files set digest = zeroblob(32) where name = 'renamed'"],
  ['another media type', "update files set media_type = 'text/html' where name = 'renamed'"],
  ['the id of another file', "update files set id = replace(id, '-7', '-8') where name = 'renamed'"],
  [
    'the name of another file',
    "update files set name = 'x' where name = 'renamed'; update files set name = 'renamed' where name = 'long'",
  ],
  [
    'a chunk at another place',
    "update file_chunks set start = start + 1 where start = 0 and file_id = (select id from files where name = 'renamed')",
  ],
  [
    'a chunk of another size',
    `update chunks set size = size - 1 where id = (
      select chunk_id from file_chunks where start = 0 and file_id = (select id from files where name = 'renamed'))`,
  ],
])('a file with %s is refused, and reported once', async (_, statements) => {
  const { store, reported } = await changedStore(statements)
  expect(await outcomeOf(readBack(store, 'renamed'))).toBe('corrupt')
  expect(await outcomeOf(readBack(store, 'renamed'))).toBe('corrupt')
  expect(reported).toHaveLength(1)
  expect(store.health.isDamaged).toBe(true)
})

it('a file that was joined has another list in its place: it is refused', async () => {
  const { store } = await changedStore(
    'update joined set part_id = (select part_id from joined where start = 0) where start > 0',
  )
  expect(await outcomeOf(readBack(store, 'joined'))).toBe('corrupt')
})

it('a changed row is not exported, and no listing shows it', async () => {
  const { store, catalog, work } = await changedStore(
    `${otherChunk} where start = 0 and file_id = (select id from files where name = 'renamed')`,
  )
  const [exported, failed]: [string[], string[]] = [[], []]
  await exportFiles(
    { catalog, chunks: store.chunks },
    {
      space: localCaller.space,
      prefix: 're',
      directory: join(work, 'exported'),
      onExported: ({ name }) => exported.push(name),
      onFailed: ({ name }) => failed.push(name),
    },
  )
  expect({ exported, failed }).toEqual({ exported: [], failed: ['renamed'] })

  const other = await changedStore('update files set metadata = \'{"a":"b"}\' where name = \'renamed\'')
  const query = { space: defaultSpace, prefix: 're', limit: 9 }
  expect(await outcomeOf(other.catalog.listFiles(query))).toBe('corrupt')
})

it('the manifest of a file is not deleted where another file has it', async () => {
  const { store, manifests } = await changedStore(`
    update records set file_id = (select id from files where name = 'renamed')
      where file_id = (select id from files where name = 'long')`)
  const name = parseFileName('renamed')
  expect(await outcomeOf(deleteFile(store, localCaller, { name }))).toBe('corrupt')
  expect(await outcomeOf(updateFile(store, localCaller, { name }, { mediaType: 'a/b' }))).toBe('corrupt')
  expect([...manifests.deleted].filter((location) => !manifests.added.has(location))).toEqual([])
})

it('a file that lost the end of its chunk list gets no new manifest', async () => {
  const { store, manifests } = await changedStore(`
    delete from file_chunks where file_id = (select id from files where size > 9000 and name <> 'joined')
      and start > 0`)
  const { files } = await store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
  const outcomes = new Set<string>()
  for (const { id, size } of files)
    if (size > 9000)
      outcomes.add(await outcomeOf(updateFile(store, localCaller, { id }, { mediaType: 'x/y' })))
  expect(outcomes).toContain('corrupt')
  expect(manifests.added.size).toBe(manifests.deleted.size)
})

it('nothing is collected, and no orphan found, once the catalog is known to be damaged', async () => {
  const { store, chunks, manifests, reported } = await changedStore('', (catalog) =>
    withMethods(catalog, { verify: async () => ['as planned'] }),
  )
  expect(await outcomeOf(collectGarbage(store))).toBe('corrupt')
  expect(await outcomeOf(findOrphans(store))).toBe('corrupt')
  expect(reported).toEqual([expect.objectContaining({ code: damage('').code })])
  expect([chunks.deleted.size, manifests.deleted.size]).toEqual([0, 0])
})

it('an old copy of the catalog is refused, beside a newer note of its commits', async () => {
  const work = await temporaryDirectory()
  const path = join(work, 'catalog.sqlite')
  const catalog = await openCatalogHere(path)
  await catalog.close()
  await cp(path, `${path}.old`)
  const later = await openCatalogHere(path)
  await later.forgetGarbage([])
  await later.close()
  await cp(`${path}.old`, path)
  await expect(openCatalogHere(path)).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining('ashlar rebuild'),
  })
})
