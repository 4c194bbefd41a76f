import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StoreError } from '../../model/errors.ts'
import type { CommitNote } from './commit-note.ts'
import { isIoError } from './failures.ts'

export type Work = () => Promise<unknown>
/** `isUndone`: the work was rolled back, or never began. Otherwise it may have been committed. */
export type Outcome =
  | PromiseFulfilledResult<unknown>
  | (PromiseRejectedResult & { readonly isUndone: boolean })

/**
 * Runs pieces of work in one transaction, so that they share one sync. Work that rejects is rolled
 * back alone. Outcomes are known once the transaction is synced; if that fails, all are rejected.
 */
export class GroupCommit {
  readonly #database: DatabaseSync
  readonly #note: CommitNote | undefined
  readonly #countOne: StatementSync | undefined
  /** As the table of commits has it. */
  #count: number
  #committed = 0
  #failure: StoreError | undefined

  /** With a note, `count` is what the database has counted. */
  constructor(database: DatabaseSync, note?: CommitNote, count = 0) {
    this.#database = database
    this.#note = note
    this.#count = count
    this.#countOne = note && database.prepare('update commits set count = count + 1 returning count')
  }

  /** Transactions so far. */
  get committed(): number {
    return this.#committed
  }

  async run(works: readonly Work[]): Promise<readonly Outcome[]> {
    if (this.#failure) return works.map(() => rejected(this.#failure, true))
    let isCommitting = false
    try {
      this.#database.exec('begin immediate')
      const outcomes: Outcome[] = []
      for (const work of works) outcomes.push(await this.#runAlone(work))
      const count = Number(this.#countOne?.get()?.['count'] ?? 0)
      isCommitting = true
      this.#commit(count)
      return outcomes
    } catch (error) {
      // If the sync failed, the log may still hold the transaction.
      const isUndone = !isCommitting || !this.#failure
      if (this.#database.isTransaction) this.#database.exec('rollback')
      return works.map(() => rejected(error, isUndone))
    }
  }

  async #runAlone(work: Work): Promise<Outcome> {
    this.#database.exec('savepoint work')
    const outcome = await outcomeOf(work)
    // A full disk or an I/O error makes SQLite itself roll everything back, the work before
    // included.
    if (outcome.status === 'rejected' && !this.#database.isTransaction) throw outcome.reason
    if (outcome.status === 'rejected') this.#database.exec('rollback to work')
    this.#database.exec('release work')
    return outcome
  }

  #commit(count: number): void {
    try {
      this.#database.exec('commit')
    } catch (error) {
      if (isIoError(error)) this.#failure = failStop(error)
      throw this.#failure ?? error
    }
    this.#committed++
    this.#count = count
    try {
      this.#note?.note(this.#count)
    } catch (error) {
      throw (this.#failure = failStop(error))
    }
  }
}

/** The kernel may have dropped the dirty pages, and the next sync would succeed without them. */
function failStop(cause: unknown): StoreError {
  return new StoreError(
    'unavailable',
    'The catalog could not be synced and takes no more changes: check its disk, then restart the server.',
    { cause },
  )
}

export async function outcomeOf(work: Work): Promise<Outcome> {
  try {
    return { status: 'fulfilled', value: await work() }
  } catch (reason) {
    return rejected(reason, true)
  }
}

function rejected(reason: unknown, isUndone: boolean): Outcome {
  return { status: 'rejected', reason, isUndone }
}
