import { sql } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import type { Database } from '../sql/dialect.ts'
import { execute } from '../sql/prepared.ts'
import { migrate, schemaStateOf } from './migrate.ts'
import { refuseUnfit, syncCommits } from './open-postgres-catalog.ts'
import { PostgresCatalog } from './postgres-catalog.ts'
import { changing, Transactions } from './transactions.ts'

/**
 * Creates the catalog in a database that has none, or an empty one, and fills it with `fill`. Until
 * it is complete, nobody else can open it, and the next attempt discards what a crash leaves.
 * Rejects `unavailable` if the catalog is not empty, or is already being rebuilt.
 */
export async function createAnew(
  url: string,
  fill: (catalog: PostgresCatalog) => Promise<void>,
): Promise<void> {
  await makeTables(url)
  // A rebuild expects its calls to run in order, as they do on one connection.
  const transactions = new Transactions(url, { ...patient, preamble: `${keepOthersOut}; ${syncCommits}` })
  try {
    await transactions.alter(beginDraft)
    await fill(new PostgresCatalog(transactions))
    await transactions.alter(endDraft)
  } finally {
    await transactions.close()
  }
}

async function makeTables(url: string): Promise<void> {
  const transactions = new Transactions(url, { ...patient, preamble: syncCommits })
  try {
    await transactions.read(refuseUnfit)
    await migrate(transactions, { asDraft: true })
  } finally {
    await transactions.close()
  }
}

async function beginDraft(db: Database): Promise<void> {
  const { isDraft } = await schemaStateOf(db)
  if (isDraft) await execute(db, sql`truncate ${sql.join(tables)}`)
  if (!(await isEmpty(db))) {
    throw new StoreError(
      'unavailable',
      'There is a catalog in the database: name another schema, or drop this one.',
    )
  }
  // A server that opened the empty catalog has bound it.
  await execute(db, sql`delete from bound_store`)
  await execute(db, sql`update ashlar_catalog set is_draft = true`)
}

async function endDraft(db: Database): Promise<void> {
  await execute(db, sql`update ashlar_catalog set is_draft = false`)
}

async function isEmpty(db: Database): Promise<boolean> {
  const filled = sql.join(
    tables.map((table) => sql`exists (select from ${table})`),
    sql` or `,
  )
  const [found] = await execute(db, sql<{ is_filled: boolean }>`select ${filled} as is_filled`)
  return !found!.is_filled
}

const tables = [
  'chunks',
  'files',
  'uploads',
  'file_chunks',
  'joined',
  'discarded',
  'records',
  'found',
  'garbage',
].map((name) => sql.table(name))

const patient = { maxConnections: 1, connectTimeoutMs: 600_000, statementTimeoutMs: 0 }

/** Keeps out servers that opened it while it was empty, and other rebuilds. */
const keepOthersOut = `set lock_timeout = '2s'; select pg_advisory_lock(${changing}); set lock_timeout = 0`
