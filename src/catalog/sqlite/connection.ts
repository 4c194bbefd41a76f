import { chmodSync, closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import { foldedName } from '../../model/fold-text.ts'
import { explainSystemError } from '../../model/system-errors.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { isBusy, isForbiddenDirectory } from './failures.ts'
import { GroupCommit } from './group-commit.ts'
import type { Outcome, Work } from './group-commit.ts'
import { migrate, refuseNewer, refuseOther } from './migrations/migrate.ts'
import type { Database, Schema } from './schema.ts'
import { Snapshots } from './snapshots.ts'

export interface Connection {
  readonly db: Database
  readonly transactions: {
    readonly committed: number
    run(works: readonly Work[]): Promise<readonly Outcome[]>
  }
  close(): void
}

const busyTimeoutMs = 5000

/**
 * The one connection that writes. Creates the database or brings it up to date, and keeps it from all other
 * processes. Rejects `unavailable` if another one has it, or a newer Ashlar has written it.
 */
export async function openWriter(path: string): Promise<Connection> {
  const lock = holdLock(path)
  try {
    makePrivate(path)
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
    try {
      refuseNewer(database)
      // Every commit is synced before it is acknowledged; on macOS, past the disk's own cache.
      database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on')
      database.exec('pragma checkpoint_fullfsync = on')
      // What a killed server had committed and not synced is served from now on: it must be durable first.
      database.exec('pragma wal_checkpoint(truncate)')
      const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database) })
      database.function('folded_name', { deterministic: true }, foldedName as () => string | null)
      await migrate(database, db as Kysely<unknown>)
      syncDirectory(dirname(path))
      return { db, transactions: new GroupCommit(database), close: () => closeWriter(database, lock) }
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/**
 * A connection that only reads, of a database that a writer may have open. Rejects `unavailable` where another Ashlar has
 * written it.
 */
export function openReader(path: string): Connection {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly: true })
  try {
    refuseOther(database)
  } catch (error) {
    database.close()
    if (!isForbiddenDirectory(error)) throw error
    const message = `The catalog ${path} cannot be read by somebody who may not write beside it, unless a server has it open: be the user who started the server, or take a copy.`
    throw new StoreError('unavailable', message, { cause: error })
  }
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database) })
  return { db, transactions: new Snapshots(database), close: () => database.close() }
}

function closeWriter(database: DatabaseSync, lock: DatabaseSync): void {
  try {
    database.exec('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
    lock.close()
  }
}

/** A lock of a file beside the database, which the kernel takes away from a process that dies. */
export function holdLock(path: string): DatabaseSync {
  makePrivate(`${path}.lock`)
  const lock = new DatabaseSync(`${path}.lock`)
  try {
    lock.exec('begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new StoreError('unavailable', `The catalog ${path} is in use: stop the other server first.`, {
      cause: error,
    })
  }
}

/**
 * Creates the file if it is missing, and takes it from everybody but its owner: SQLite would follow the umask. The -wal and -shm
 * files get the same mode. One that exists is not opened: closing it would release the locks that SQLite has on it.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw unusable(error, path)
  }
  for (const each of [path, `${path}-wal`, `${path}-shm`]) {
    const found = statSync(each, { throwIfNoEntry: false })
    if (found && (found.mode & 0o077) !== 0 && found.uid === process.getuid?.()) chmodSync(each, 0o600)
  }
}

function unusable(error: unknown, path: string): StoreError {
  const explained = explainSystemError(error) ?? String(error)
  const code = isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT') ? 'no_space' : 'unavailable'
  return new StoreError(code, `Cannot create ${path}: ${explained}`, { cause: error })
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Without it a power cut could take away a database that was just created. */
export function syncDirectory(path: string): void {
  // Windows cannot open directories, and keeps their entries in its own journal.
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
