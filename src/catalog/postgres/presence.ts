import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import type { CountedOn, Presence } from '../presence.ts'
import { prepared } from '../sql/prepared.ts'
import type { Transactions } from './transactions.ts'

/**
 * Who has not been seen for so long is gone: without the database it could neither look anything up
 * nor make anything known.
 */
const goneAfterSeconds = 15 * 60

/**
 * Each process leaves word of what it counts on. What it has begun to count on since then was still
 * there when it did so; therefore all that is let go or stored later counts as well, and nobody has
 * to ask the others, or tell them of each step.
 */
export class PostgresPresence implements Presence {
  readonly #transactions: Transactions
  readonly #now: () => number
  readonly #id = randomUUID()
  #isKnown = false

  constructor(transactions: Transactions, now: () => number) {
    this.#transactions = transactions
    this.#now = now
  }

  /**
   * To be called before anything is looked up or stored, and again and again while others are to
   * get on.
   */
  async meet({ inUse, lookupsSince, putsSince }: CountedOn): Promise<CountedOn> {
    this.#isKnown = true
    const now = this.#now()
    const told = { lookupsSince: Math.min(now, lookupsSince), putsSince: Math.min(now, putsSince) }
    const others = await this.#transactions.change((db) => tell(db, { id: this.#id, inUse, ...told }))
    return {
      inUse: [...new Set([inUse, ...others.map(({ in_use }) => in_use)].flat())],
      lookupsSince: Math.min(lookupsSince, ...others.map(({ lookups_since }) => lookups_since)),
      putsSince: Math.min(putsSince, ...others.map(({ puts_since }) => puts_since)),
    }
  }

  /** It counts on nothing any more. */
  async leave(): Promise<void> {
    if (this.#isKnown) await this.#transactions.change((db) => forget(db, { id: this.#id }))
  }
}

const isGone = sql<boolean>`seen_at < clock_timestamp() - make_interval(secs => ${sql.lit(goneAfterSeconds)})`

interface Told {
  readonly id: string
  readonly inUse: readonly FileId[]
  readonly lookupsSince: number
  readonly putsSince: number
}

/** Gives what the others have told. */
const tell = prepared((queries, values: Told) => {
  const told = {
    seen_at: sql<string>`clock_timestamp()`,
    in_use: sql<FileId[]>`${values.inUse}::uuid[]`,
    lookups_since: values.lookupsSince,
    puts_since: values.putsSince,
  }
  return queries
    .with('gone', (cte) => cte.deleteFrom('nodes').where(isGone))
    .with('told', (cte) =>
      cte
        .insertInto('nodes')
        .values({ id: values.id, ...told })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(told)),
    )
    .selectFrom('nodes')
    .select(['in_use', 'lookups_since', 'puts_since'])
    .where('id', '!=', values.id)
    .where(sql<boolean>`not ${isGone}`)
})

const forget = prepared((queries, values: { id: string }) =>
  queries.deleteFrom('nodes').where('id', '=', values.id),
)
