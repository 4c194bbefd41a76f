import { sql } from 'kysely'
import type { Kysely } from 'kysely'

/** At most one row: the store that this catalog belongs to. */
export async function boundStore(db: Kysely<unknown>): Promise<void> {
  await sql`create table bound_store (
    only_row integer primary key check (only_row = 1),
    id text not null,
    is_confirmed boolean not null
  )`.execute(db)
}
