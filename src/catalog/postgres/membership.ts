import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import type { InUse, Membership } from '../membership.ts'
import { prepared } from '../sql/prepared.ts'
import type { Transactions } from './transactions.ts'

/**
 * A process that was not seen for so long is gone: without the database it can look nothing up and
 * commit nothing.
 */
const goneAfterSeconds = 15 * 60

/**
 * Each process manifests what it counts on. Whatever it began to count on later still existed then,
 * so everything that was unlinked or stored after that manifest counts as in use, too. So no
 * process has to ask the others, or tell them of each step.
 */
export class PostgresMembership implements Membership {
  readonly #transactions: Transactions
  readonly #now: () => number
  readonly #id = randomUUID()
  #isKnown = false

  constructor(transactions: Transactions, now: () => number) {
    this.#transactions = transactions
    this.#now = now
  }

  /** Call it before the first lookup or put, and then regularly, so that others can collect. */
  async heartbeat({ inUse, lookupsSince, putsSince }: InUse): Promise<InUse> {
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

/** Returns what the others have recorded. */
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
