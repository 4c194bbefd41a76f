import { pause } from '../../model/abortable.ts'
import { backOffMs } from '../../model/back-off.ts'
import { StoreError } from '../../model/errors.ts'
import type { Database } from '../sql/dialect.ts'
import { failureOf, isConflict, sqlStateOf } from './failures.ts'
import { Pool, type PooledConnection, type PoolSettings } from './pool.ts'
import { postgresDialect } from './dialect.ts'

type Work<T> = (db: Database) => Promise<T>

const mostTries = 8
const pauses = { firstMs: 20, maxMs: 160 }

/**
 * A catalog's calls to its database, each one transaction. A change locks the rows that it depends
 * on and then sees what others have committed by then: it decides nothing from rows that it read
 * without a lock. Locks are taken in one order: uploads by id, files by name, chunks by digest. If
 * there is a deadlock all the same, the transaction that the server rolls back is retried.
 */
export class Transactions {
  readonly #pool: Pool
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(url: string, settings: PoolSettings) {
    this.#pool = new Pool(url, settings)
  }

  /** For work that reads with one statement. */
  read<T>(work: Work<T>): Promise<T> {
    return this.#run(() => this.#pool.use((connection) => work(databaseOf(connection))))
  }

  /** For work that reads, all of it from one state of the database. */
  snapshot<T>(work: Work<T>): Promise<T> {
    return this.#run(() => this.#attempt('begin isolation level repeatable read read only', work))
  }

  /** For work that changes something. It may run several times; what it rejects with is undone. */
  change<T>(work: Work<T>): Promise<T> {
    return this.#run(() =>
      this.#attempt(`${begin}; ${count}; select pg_advisory_xact_lock_shared(${changing})`, work),
    )
  }

  /**
   * The same, after all earlier changes are committed or rolled back, including those whose client
   * no longer waits. Later changes start when it has ended.
   */
  changeAlone<T>(work: Work<T>): Promise<T> {
    return this.#run(() =>
      this.#attempt(`${begin}; ${count}; select pg_advisory_xact_lock(${changing})`, work),
    )
  }

  /** For work that makes tables, or changes what the catalog is: nobody else does so meanwhile. */
  alter<T>(work: Work<T>): Promise<T> {
    return this.#run(() => this.#attempt(`${begin}; select pg_advisory_xact_lock(${altering})`, work))
  }

  /** Rejects later calls. Resolves when earlier ones are done and all connections are closed. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running)
    await this.#pool.end()
  }

  async #run<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new StoreError('unavailable', 'The catalog is closed.')
    const running = persist(attempt)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  #attempt<T>(beginning: string, work: Work<T>): Promise<T> {
    return this.#pool.use(async (connection) => {
      let isCommitting = false
      try {
        await connection.query(beginning, [])
        const result = await work(databaseOf(connection))
        isCommitting = true
        await connection.query('commit', [])
        return result
      } catch (error) {
        // If the connection is lost, the server rolls back by itself.
        await connection.query('rollback', []).catch(() => {})
        // A commit that failed with an answer is rolled back; without one its outcome is unknown.
        throw new FailedAttempt(error, !isCommitting || sqlStateOf(error) !== undefined)
      }
    })
  }
}

/** Under a lock of the whole schema that changes share, so that others can wait for all of them. */
export const changing = `1634952300, 'chunks'::regclass::oid::int4`

/** The same, where there may be no tables yet: of the whole database. */
const altering = '1634952301, 0'

const begin = 'begin isolation level read committed'

const count = `select nextval('commits')`

/** Why a transaction failed, and whether it is certain that nothing of it was committed. */
class FailedAttempt extends Error {
  readonly isUndone: boolean

  constructor(cause: unknown, isUndone: boolean) {
    super('A transaction failed.', { cause })
    this.isUndone = isUndone
  }
}

function databaseOf(connection: PooledConnection): Database {
  return {
    dialect: postgresDialect,
    get now() {
      return Date.now()
    },
    run: (text, parameters) => connection.query(text, parameters),
  }
}

/** Only conflicts are retried, which changed nothing; other failures may hide a commit. */
async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      const { cause, isUndone } = error instanceof FailedAttempt ? error : new FailedAttempt(error, false)
      if (!isConflict(cause) || tries === mostTries) throw failureOf(cause, isUndone)
      await pause(backOffMs(tries, pauses))
    }
  }
}
