import { sql } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import type { Catalog } from '../catalog.ts'
import type { ReadableCatalog } from '../sql/method-table.ts'
import type { Database } from '../sql/dialect.ts'
import { execute } from '../sql/prepared.ts'
import { migrate, refuseDraft, refuseOther, schemaStateOf } from './migrate.ts'
import { PostgresCatalog } from './postgres-catalog.ts'
import { Transactions } from './transactions.ts'

export interface PostgresCatalogOptions {
  /** Milliseconds since 1970; `Date.now` unless given. */
  readonly now?: () => number
  /**
   * Concurrent connections, at least 1. Each is a process of the server, which limits their total.
   */
  readonly maxConnections?: number
  /** A call is given up if it has waited so long for a connection. */
  readonly connectTimeoutMs?: number
  /** A call is given up if one of its statements has taken so long. */
  readonly statementTimeoutMs?: number
}

/** What is read of a catalog beside the servers that have it open. */
export type PostgresInspection = ReadableCatalog & Pick<Catalog, 'close'>

/** A commit is synced before it is acknowledged, whatever the server has for its default. */
export const syncCommits = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`

/**
 * Opens the catalog at a `postgres://` address, in the schema of its search_path, and creates
 * missing tables; any number of processes may do so at the same time. Rejects `unavailable` if the
 * database cannot be used or does not commit durably, and if its tables are of a newer Ashlar or of
 * an unfinished rebuild.
 */
export async function openPostgresCatalog(
  url: string,
  options: PostgresCatalogOptions = {},
): Promise<PostgresCatalog> {
  const transactions = new Transactions(url, { ...defaults, ...options, preamble: syncCommits })
  return opened(transactions, async () => {
    await transactions.read(refuseUnfit)
    await migrate(transactions)
    await transactions.read(refuseDraft)
    const catalog = new PostgresCatalog(transactions, options.now)
    await catalog.membership.heartbeat({ inUse: [], lookupsSince: Infinity, putsSince: Infinity })
    return catalog
  })
}

/**
 * Read-only. Rejects `unavailable` if there is no catalog, or it is of another version of Ashlar.
 */
export async function openPostgresInspection(
  url: string,
  options: Omit<PostgresCatalogOptions, 'now'> = {},
): Promise<PostgresInspection> {
  const preamble = 'set default_transaction_read_only = on'
  const transactions = new Transactions(url, { ...defaults, ...inspectionDefaults, ...options, preamble })
  return opened(transactions, async () => {
    await transactions.read(refuseOther)
    await transactions.read(refuseDraft)
    return new PostgresCatalog(transactions)
  })
}

/** Whether the database has a catalog, apart from an unfinished rebuild. Rejects `unavailable`. */
export async function hasPostgresCatalog(url: string): Promise<boolean> {
  const transactions = new Transactions(url, { ...defaults, maxConnections: 1, preamble: '' })
  try {
    const { version, isDraft } = await transactions.read(schemaStateOf)
    return version > 0 && !isDraft
  } finally {
    await transactions.close()
  }
}

/** Rejects `unavailable` if the database would not keep what is to be kept in it. */
export async function refuseUnfit(db: Database): Promise<void> {
  const [found] = await execute(db, settings)
  const { encoding, fsync, schema } = found!
  if (encoding !== 'UTF8') throw unfit(`has the encoding ${encoding}: create one that has UTF8`)
  if (fsync !== 'on') throw unfit('runs with fsync = off, and a power cut would take files away: turn it on')
  if (schema === null) throw unfit('has none of the schemas in the search_path: create the first of them')
}

async function opened<T>(transactions: Transactions, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    await transactions.close()
    throw error
  }
}

const defaults = { maxConnections: 16, connectTimeoutMs: 10_000, statementTimeoutMs: 60_000 }

/** One statement may look at every chunk there is. */
const inspectionDefaults = { maxConnections: 2, statementTimeoutMs: 600_000 }

const settings = sql<{ encoding: string; fsync: string; schema: string | null }>`select
  current_setting('server_encoding') as encoding, current_setting('fsync') as fsync, current_schema() as schema`

function unfit(what: string): StoreError {
  return new StoreError('unavailable', `The database of the catalog ${what}.`)
}
