import { sql } from 'kysely'
import type { Kysely } from 'kysely'

/** Goes up with every change, and waits for nobody: a row that all of them update would put them in a line. */
export async function commits(db: Kysely<unknown>): Promise<void> {
  await sql`create sequence commits`.execute(db)
}
