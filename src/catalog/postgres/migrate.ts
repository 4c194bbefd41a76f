import { sql } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import type { Database } from '../sql/dialect.ts'
import { execute } from '../sql/prepared.ts'
import type { Transactions } from './transactions.ts'
import { firstTables } from '../sql/migrations/0001-first-tables.ts'
import { boundStore } from '../sql/migrations/0003-bound-store.ts'
import { commits, foldedNames, postgresTables, seals } from './migrations.ts'

/** In the order of their publication; `ashlar_catalog` counts those that have been applied. */
const migrations: readonly ((db: Database) => Promise<void>)[] = [
  (db) => firstTables(db, postgresTables),
  seals,
  (db) => boundStore(db, postgresTables),
  foldedNames,
  commits,
]

/**
 * Creates or updates the tables in the connection's schema, completely or not at all. Concurrent
 * calls migrate once. Rejects `unavailable` if a newer Ashlar has migrated the tables further than
 * this one can.
 */
export async function migrate(transactions: Transactions, { asDraft = false } = {}): Promise<void> {
  const { version } = await transactions.read(schemaStateOf)
  refuseNewer(version)
  if (version === migrations.length) return
  await transactions.alter(async (db) => {
    const state = await schemaStateOf(db)
    if (state.version === 0) await createState(db, asDraft)
    // Another process may have been faster, and newer.
    for (const migration of migrations.slice(state.version)) await migration(db)
    if (state.version < migrations.length)
      await execute(db, sql`update ashlar_catalog set version = ${migrations.length}`)
  })
}

/** Rejects `unavailable` unless the tables have exactly the version of this Ashlar. */
export async function refuseOther(db: Database): Promise<void> {
  const { version } = await schemaStateOf(db)
  refuseNewer(version)
  if (version === migrations.length) return
  const found = version === 0 ? 'is not there' : `has version ${version}, not ${migrations.length}`
  throw new StoreError(
    'unavailable',
    `The catalog ${found}: start the server once, which brings it up to date.`,
  )
}

/** Rejects `unavailable` if a rebuild has not finished the catalog. */
export async function refuseDraft(db: Database): Promise<void> {
  if (!(await schemaStateOf(db)).isDraft) return
  throw new StoreError('unavailable', 'The catalog has been rebuilt in part only: rebuild it once more.')
}

interface State {
  readonly version: number
  /** A rebuild has not finished it. */
  readonly isDraft: boolean
}

/** Version 0 if there are no tables. */
export async function schemaStateOf(db: Database): Promise<State> {
  // Queried, because the cache that resolves names would not show what was committed during the
  // wait for the lock. Other schemas of the search path may also have a catalog.
  const tables = sql`select from pg_tables where schemaname = current_schema() and tablename = 'ashlar_catalog'`
  const [found] = await execute(db, sql<{ is_there: boolean }>`select exists (${tables}) as is_there`)
  if (!found?.is_there) return { version: 0, isDraft: false }
  const [state] = await execute(db, sql<State>`select version, is_draft as "isDraft" from ashlar_catalog`)
  return state!
}

function refuseNewer(version: number): void {
  if (version <= migrations.length) return
  throw new StoreError(
    'unavailable',
    `The catalog has version ${version}, but this Ashlar knows versions up to ${migrations.length}: start the newer Ashlar that wrote it.`,
  )
}

async function createState(db: Database, isDraft: boolean): Promise<void> {
  await execute(db, sql`create table ashlar_catalog (version integer not null, is_draft boolean not null)`)
  await execute(db, sql`insert into ashlar_catalog values (0, ${isDraft})`)
}
