import { sql } from 'kysely'
import { stateOf } from './failures.ts'
import type { Database } from './schema.ts'

/**
 * Compares indexes with their tables where the extension amcheck is installed. Otherwise damage is found by PostgreSQL's own page
 * checksums, and by the seals of the rows that are read.
 */
export async function verify(db: Database): Promise<readonly string[]> {
  const { rows: installed } = await sql`select from pg_extension where extname = 'amcheck'`.execute(db)
  if (installed.length === 0) return []
  const { rows: indexes } = await sql<{ name: string }>`select indexrelid::regclass::text as name
    from pg_index join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam
    where relnamespace = current_schema()::regnamespace and amname = 'btree' and indisvalid`.execute(db)
  const faults: string[] = []
  for (const { name } of indexes) {
    try {
      await sql`select bt_index_check(${name}::regclass, true)`.execute(db)
    } catch (error) {
      // Data or an index is corrupted; all else says nothing about the catalog.
      if (!/^XX00[12]/.test(stateOf(error) ?? '')) throw error
      faults.push((error as Error).message)
    }
  }
  return faults
}
