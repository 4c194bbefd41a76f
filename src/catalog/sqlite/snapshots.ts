import type { DatabaseSync } from 'node:sqlite'
import { outcomeOf, type Outcome, type Work } from './group-commit.ts'

/** Runs pieces of work that only read, each on one state of the database. */
export class Snapshots {
  readonly committed = 0
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async run(works: readonly Work[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = []
    for (const work of works) outcomes.push(await outcomeOf(() => this.#runInSnapshot(work)))
    return outcomes
  }

  async #runInSnapshot(work: Work): Promise<unknown> {
    this.#database.exec('begin')
    try {
      return await work()
    } finally {
      if (this.#database.isTransaction) this.#database.exec('rollback')
    }
  }
}
