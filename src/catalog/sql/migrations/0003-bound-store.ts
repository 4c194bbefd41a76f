import { sql } from 'kysely'
import type { Database } from '../dialect.ts'
import { execute } from '../prepared.ts'
import type { TableDialect } from './0001-first-tables.ts'

/** At most one row: the store that this catalog belongs to. */
export async function boundStore(db: Database, { flag, end }: TableDialect): Promise<void> {
  const statement = `create table bound_store (
    only_row integer primary key check (only_row = 1),
    id text not null,
    ${flag('is_confirmed')}
  )${end}`
  await execute(db, sql.raw(statement))
}
