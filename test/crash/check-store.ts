import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { checkStore } from '../../src/admin/check-store.ts'
import { storedFiles } from '../chunks/stored-files.ts'
import { openStoreToRead } from '../../src/server/open-stores.ts'
import { pause } from './client.ts'
import { Violation } from './violation.ts'

/** False accepts chunks and records that a crash has left behind and that nobody collects. */
const areOrphansCollected = true

const collectedWithinMs = 20_000

interface Known {
  readonly location: string
  /** Of chunks only. */
  readonly size?: number
}

/**
 * Throws a violation unless every chunk that the catalog counts on is in its file. For a store
 * whose server is gone.
 */
export async function checkAfterKill(store: string): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'ashlar-catalog-'))
  try {
    const entries = await readdir(store).catch(() => [])
    const names = entries.filter((name) => /^catalog\.sqlite(?:-wal)?$/.test(name))
    // Opening it where it is would tidy up what the next server is to find.
    for (const name of names) await cp(join(store, name), join(copy, name))
    using database = new DatabaseSync(join(copy, 'catalog.sqlite'))
    checkSound(database)
    // A server that was killed in its first moments has no tables yet.
    const isReady = database.prepare(`select 1 from sqlite_schema where name = 'garbage'`).get()
    if (isReady) checkPresence(store, usedChunks(database))
  } finally {
    await rm(copy, { recursive: true })
  }
}

/**
 * Throws a violation unless collection, given that nobody changes anything, soon brings a store
 * back to exactly the chunks and records in use, and unless `ashlar fsck` finds nothing. For a
 * store whose server runs.
 */
export async function checkWhenCollected(store: string): Promise<void> {
  const giveUpAt = Date.now() + collectedWithinMs
  for (;;) {
    const leftover = await findLeftover(store)
    if (leftover === undefined) break
    if (Date.now() > giveUpAt) throw new Violation(`it is not collected: ${leftover}`)
    await pause(10)
  }
  await fsck(store)
}

/** Something that is still to be collected. */
async function findLeftover(store: string): Promise<string | undefined> {
  using database = new DatabaseSync(join(store, 'catalog.sqlite'), { readOnly: true, timeout: 5000 })
  const { waiting } = database
    .prepare(
      `select (select count(*) from discarded where file_id not in (select part_id from joined))
      + (select count(*) from garbage)
      + (select count(*) from chunks where id not in (select chunk_id from file_chunks))
      + (select count(*) from records where file_id is null or file_id not in (select id from files)) as waiting`,
    )
    .get() as { waiting: number }
  if (waiting > 0) return `${waiting} rows of the catalog`
  const chunks = usedChunks(database)
  const records = locationsIn(database, 'select location from records')
  checkPresence(store, chunks)
  if (!areOrphansCollected) return undefined
  return findUnused(join(store, 'chunks'), chunks) ?? findUnused(join(store, 'records'), records)
}

function checkPresence(store: string, chunks: readonly Known[]): void {
  const stored = storedIn(join(store, 'chunks'))
  for (const { location, size } of chunks) {
    const found = stored.get(location)
    if (found?.size !== size) throw new Violation(`chunk ${location} has ${found?.size} bytes, not ${size}`)
  }
}

function findUnused(directory: string, used: readonly Known[]): string | undefined {
  const locations = new Set(used.map(({ location }) => location))
  return [...storedIn(directory).keys()].find((location) => !locations.has(location))
}

/** A server that was killed in its first moments has no directory yet. */
function storedIn(directory: string): ReturnType<typeof storedFiles> {
  return existsSync(directory) ? storedFiles(directory) : new Map()
}

async function fsck(directory: string): Promise<void> {
  const findings: unknown[] = []
  const find = (finding: unknown) => {
    findings.push(finding)
    return Promise.resolve()
  }
  const store = await openStoreToRead(['--store', directory], {})
  try {
    const report = { foundChunk: find, foundList: find, foundManifest: find, foundFault: find }
    await checkStore(store, { isQuick: false }, report)
  } finally {
    await store.close()
  }
  if (findings.length > 0) throw new Violation(`fsck finds ${JSON.stringify(findings)}`)
}

function usedChunks(database: DatabaseSync): readonly Known[] {
  return locationsIn(
    database,
    'select location, size from chunks where id in (select chunk_id from file_chunks)',
  )
}

function locationsIn(database: DatabaseSync, query: string): readonly Known[] {
  return database.prepare(query).all() as unknown as readonly Known[]
}

function checkSound(database: DatabaseSync): void {
  const ofIntegrity = database.prepare('pragma integrity_check').all()
  const problems = [
    ...ofIntegrity.filter((row) => row['integrity_check'] !== 'ok'),
    ...database.prepare('pragma foreign_key_check').all(),
  ]
  if (problems.length > 0) throw new Violation(`the catalog is damaged: ${JSON.stringify(problems)}`)
}
