import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { foldedName } from '../../../model/fold-text.ts'

const filesAtOnce = 10_000

interface Named {
  readonly id: string
  readonly name: string
}

/** Names as searches compare them, where that is not the name itself. */
export async function foldedNames(db: Kysely<unknown>): Promise<void> {
  await sql`alter table files add column folded text collate "C"`.execute(db)
  let behind = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await sql<Named>`
      select id, name from files where id > ${behind}::uuid order by id limit ${filesAtOnce}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return
    behind = last.id
    const folded = rows
      .map(({ id, name }) => ({ id, folded: foldedName(name) }))
      .filter(({ folded: text }) => text !== null)
    const [ids, texts] = [folded.map(({ id }) => id), folded.map(({ folded: text }) => text)]
    await sql`
      update files set folded = given.folded
      from unnest(${ids}::uuid[], ${texts}::text[]) given (id, folded) where files.id = given.id`.execute(db)
  }
}
