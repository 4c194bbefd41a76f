import { chmodSync, closeSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../model/errors.ts'
import { explainSystemError } from '../../model/system-errors.ts'
import { damage } from '../seals.ts'
import type { Database } from '../sql/dialect.ts'
import { CommitNote, readNote } from './commit-note.ts'
import { databaseOf } from './database.ts'
import { isBusy, isForbiddenDirectory, isFull, isSqlError } from './failures.ts'
import { GroupCommit, type Outcome, type Work } from './group-commit.ts'
import { migrate, refuseNewer, refuseOther } from './migrations.ts'
import { Snapshots } from './snapshots.ts'
import { syncDirectory } from './sync-directory.ts'

export interface OpenDatabase {
  readonly db: Database
  readonly transactions: {
    readonly committed: number
    run(works: readonly Work[]): Promise<readonly Outcome[]>
  }
  close(): void
}

const busyTimeoutMs = 5000
/** Takes a few milliseconds. A larger database is checked before the first collection. */
const mostCheckedBytes = 4 * 1024 * 1024

/**
 * The only connection that writes. Creates or migrates the database and locks out other processes.
 * Rejects `unavailable` if another process has it or a newer Ashlar has written it, and `corrupt`
 * if it is damaged or has lost commits.
 */
export async function openWriter(path: string, maxCheckedBytes = mostCheckedBytes): Promise<OpenDatabase> {
  const lock = holdLock(path)
  try {
    const noted = readNote(path) ?? 0
    const bytes = bytesOf(path)
    // SQLite would start an empty one from scratch and discard its log.
    if (bytes === 0 && noted > 0) throw older(path, 0, noted)
    makePrivate(path)
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
    try {
      refuseNewer(database)
      const counted = countOf(database)
      if (counted < noted) throw older(path, counted, noted)
      if (bytes > 0 && bytes <= maxCheckedBytes) refuseDamaged(database)
      // Every commit is synced before it is acknowledged; on macOS, past the disk's own cache.
      database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on')
      database.exec('pragma checkpoint_fullfsync = on')
      // This makes durable what a killed server committed but did not sync, before it is served.
      database.exec('pragma wal_checkpoint(truncate)')
      const db = databaseOf(database)
      await migrate(database, db)
      syncDirectory(dirname(path))
      const count = countOf(database)
      const note = CommitNote.open(path, count)
      const close = () => closeWriter(database, note, lock)
      return { db, transactions: new GroupCommit(database, note, count), close }
    } catch (error) {
      database.close()
      throw openingFailure(error)
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/**
 * A read-only connection to a database that a writer may have open. Rejects `unavailable` if
 * another version of Ashlar has written it.
 */
export function openReader(path: string): OpenDatabase {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly: true })
  try {
    refuseOther(database)
    const [counted, noted] = [countOf(database), readNote(path) ?? 0]
    // A server counts first.
    if (counted < noted && countOf(database) < noted) throw older(path, counted, noted)
  } catch (error) {
    database.close()
    if (!isForbiddenDirectory(error)) throw openingFailure(error)
    const message = `The catalog ${path} can be read only by a user who may write beside it, unless a server has it open: run as the server's user, or copy it.`
    throw new StoreError('unavailable', message, { cause: error })
  }
  const db = databaseOf(database)
  return { db, transactions: new Snapshots(database), close: () => database.close() }
}

function closeWriter(database: DatabaseSync, note: CommitNote, lock: DatabaseSync): void {
  try {
    database.exec('pragma wal_checkpoint(truncate)')
  } catch (error) {
    // The log keeps what does not fit into the database now, until the next start.
    if (!isFull(error)) throw error
  } finally {
    database.close()
    note.close()
    lock.close()
  }
}

/** Locks a file beside the database; the kernel releases the lock if the process dies. */
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
 * Creates the file if it is missing, and lets only its owner access it, where SQLite would follow
 * the umask. SQLite gives the -wal and -shm files the same mode. An existing file is not opened,
 * because closing it would release the locks that SQLite holds on it.
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
  const code = isFull(error) ? 'no_space' : 'unavailable'
  return new StoreError(code, `Cannot create ${path}: ${explained}`, { cause: error })
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function refuseDamaged(database: DatabaseSync): void {
  const row = database.prepare('pragma integrity_check(1)').get()
  if (row?.['integrity_check'] !== 'ok') throw damage(String(row?.['integrity_check']).trim())
}

/** How many transactions it has committed; 0 if it is from before they were counted. */
function countOf(database: DatabaseSync): number {
  const counts = database.prepare("select 1 from sqlite_schema where name = 'commits'").get()
  return counts ? Number(database.prepare('select count from commits').get()?.['count'] ?? 0) : 0
}

function older(path: string, counted: number, noted: number): StoreError {
  return damage(
    `${path} is older than it was, with ${counted} of ${noted} changes: its log was lost, or an old copy was put back`,
  )
}

/** An SQL error while the database is opened means damage. */
function openingFailure(error: unknown): unknown {
  return isSqlError(error) ? damage(`SQLite says "${(error as Error).message}"`, error) : error
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
