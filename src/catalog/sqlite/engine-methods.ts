import { sql } from 'kysely'
import type { Database } from '../sql/dialect.ts'
import type { EngineMethods } from '../sql/method-table.ts'
import { execute } from '../sql/prepared.ts'

/** A reader sees nothing that is not synced, so a crash takes none of these back. */
async function countCommits(db: Database): Promise<number> {
  const [row] = await execute(db, sql<{ count: number }>`select count from commits`)
  return row!.count
}

export const engineMethods: EngineMethods = {
  /** Compares pages, rows and indexes with each other. */
  async verify(db) {
    const rows = await execute(db, sql<{ integrity_check: string }>`pragma integrity_check(20)`)
    const found = rows.map((row) => row.integrity_check.trim())
    return found.length === 1 && found[0] === 'ok' ? [] : found
  },
  countCommits,
  countDurableCommits: countCommits,
  async countCommitsFrom(db, least) {
    await execute(db, sql`update commits set count = max(count, ${least})`)
  },
}
