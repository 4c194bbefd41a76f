import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { sealOfFile, sealOfRecord, sealOfSegment, sealOfUse } from '../../seals.ts'
import type { SealedFile } from '../../seals.ts'

/** Checksums for the rows there are. */
export async function seals(db: Kysely<unknown>): Promise<void> {
  for (const table of sealed)
    await sql`alter table ${sql.table(table)} add column seal bigint not null default 0`.execute(db)
  await fill(db, 'files', sql`select ctid::text as at, files.* from files`, sealOfFile)
  await fill(
    db,
    'file_chunks',
    sql`select use.ctid::text as at, file_id, start, size, digest, block_digests
      from file_chunks as use join chunks on chunks.id = chunk_id`,
    (row) => sealOfUse(row.file_id, row.start, row),
  )
  await fill(db, 'joined', sql`select ctid::text as at, joined.* from joined`, (row) =>
    sealOfSegment(row.file_id, row.start, row.part_id),
  )
  await fill(db, 'records', sql`select ctid::text as at, records.* from records`, (row) =>
    sealOfRecord(row.location, row.file_id ?? '', row.page),
  )
  // A node of an older version that still runs must fail, not acknowledge rows that look damaged.
  for (const table of sealed)
    await sql`alter table ${sql.table(table)} alter column seal drop default`.execute(db)
}

const sealed = ['files', 'file_chunks', 'joined', 'records']

interface Row extends SealedFile {
  readonly at: string
  readonly file_id: string
  readonly start: number
  readonly block_digests: Uint8Array
  readonly part_id: string
  readonly location: string
  readonly page: number
}

type Seal = (row: Row) => number

const rowsPerStep = 1000

/** Through a cursor, so that memory does not follow the size of the table; rows stay where they are while it is open. */
async function fill(
  db: Kysely<unknown>,
  table: string,
  rows: ReturnType<typeof sql>,
  seal: Seal,
): Promise<void> {
  await sql`declare unsealed no scroll cursor for ${rows}`.execute(db)
  for (;;) {
    const { rows: some } = await sql<Row>`fetch ${sql.lit(rowsPerStep)} from unsealed`.execute(db)
    if (some.length === 0) break
    const places = some.map(({ at }) => at)
    await sql`update ${sql.table(table)} as sealed set seal = given.seal
      from unnest(${places}::text[], ${some.map(seal)}::bigint[]) as given (at, seal)
      where sealed.ctid = given.at::tid`.execute(db)
  }
  await sql`close unsealed`.execute(db)
}
