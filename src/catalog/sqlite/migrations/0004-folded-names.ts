import { sql } from 'kysely'
import type { Kysely } from 'kysely'

/** Names as searches compare them, where that is not the name itself. `folded_name` is a function of the connection. */
export async function foldedNames(db: Kysely<unknown>): Promise<void> {
  await sql`alter table files add column folded text`.execute(db)
  await sql`update files set folded = folded_name(name) where folded_name(name) is not null`.execute(db)
  // A search looks at every name: with this index it reads the rows only of those that it finds.
  await sql`create index files_by_folded on files (owner, name, folded)`.execute(db)
}
