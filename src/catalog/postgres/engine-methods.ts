import { sql } from 'kysely'
import type { EngineMethods } from '../sql/method-table.ts'
import { execute } from '../sql/prepared.ts'
import { verify } from './verify.ts'

interface Count {
  readonly count: number
}

export const engineMethods: EngineMethods = {
  verify,
  /** No fewer than the changes that were committed: those that were undone count, too. */
  async countCommits(db) {
    const [row] = await execute(db, sql<Count>`select last_value as count from commits`)
    return row!.count
  },
  /**
   * Counts what a crash of the database cannot take back. The sequence may be ahead of the log on
   * disk, and a commit waits for the log only if its transaction has written to it, which the
   * message does.
   */
  async countDurableCommits(db) {
    const message = sql`pg_logical_emit_message(true, 'ashlar', ''::text)`
    const [row] = await execute(db, sql<Count>`select last_value as count, ${message} from commits`)
    return row!.count
  },
  async countCommitsFrom(db, least) {
    await execute(db, sql`select setval('commits', greatest(${least}::bigint, last_value)) from commits`)
  },
}
