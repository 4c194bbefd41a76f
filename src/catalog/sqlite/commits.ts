import { sql } from 'kysely'
import type { Database } from './schema.ts'

/** A reader sees nothing that is not synced, so a crash takes none of these back. */
export async function countCommits(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count from commits`.execute(db)
  return rows[0]!.count
}

export async function countCommitsFrom(db: Database, least: number): Promise<void> {
  await sql`update commits set count = max(count, ${least})`.execute(db)
}
