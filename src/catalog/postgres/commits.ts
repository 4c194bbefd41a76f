import { sql } from 'kysely'
import type { Database } from './schema.ts'

/** No fewer than the changes that were committed: those that were undone count, too. */
export async function countCommits(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`select last_value as count from commits`.execute(db)
  return rows[0]!.count
}

/**
 * Counts what a crash of the database cannot take back. The sequence may be ahead of the log on disk, and a commit waits for the
 * log only if its transaction has written to it, which the message does.
 */
export async function countDurableCommits(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select last_value as count, pg_logical_emit_message(true, 'ashlar', ''::text) from commits`.execute(db)
  return rows[0]!.count
}

export async function countCommitsFrom(db: Database, least: number): Promise<void> {
  await sql`select setval('commits', greatest(${least}::bigint, last_value)) from commits`.execute(db)
}
