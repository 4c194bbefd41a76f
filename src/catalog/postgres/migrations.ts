import { sql } from 'kysely'
import { foldedName } from '../../model/fold-text.ts'
import { type SealedFile, sealOfFile, sealOfManifest, sealOfSegment, sealOfUse } from '../seals.ts'
import type { Database } from '../sql/dialect.ts'
import type { TableDialect } from '../sql/migrations/0001-first-tables.ts'
import { execute } from '../sql/prepared.ts'

/** Checksums for the rows there are. */
export async function seals(db: Database): Promise<void> {
  for (const table of sealed)
    await execute(db, sql`alter table ${sql.table(table)} add column seal bigint not null default 0`)
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
    sealOfManifest(row.location, row.file_id ?? '', row.page),
  )
  // A node that still runs an older version must fail rather than write rows that look damaged.
  for (const table of sealed)
    await execute(db, sql`alter table ${sql.table(table)} alter column seal drop default`)
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

/** A cursor bounds the memory; rows keep their ctid while it is open. */
async function fill(db: Database, table: string, rows: ReturnType<typeof sql>, seal: Seal): Promise<void> {
  await execute(db, sql`declare unsealed no scroll cursor for ${rows}`)
  for (;;) {
    const some = await execute(db, sql<Row>`fetch ${sql.lit(rowsPerStep)} from unsealed`)
    if (some.length === 0) break
    const places = some.map(({ at }) => at)
    await execute(
      db,
      sql`update ${sql.table(table)} as sealed set seal = given.seal
      from unnest(${places}::text[], ${some.map(seal)}::bigint[]) as given (at, seal)
      where sealed.ctid = given.at::tid`,
    )
  }
  await execute(db, sql`close unsealed`)
}

const filesAtOnce = 10_000

interface Named {
  readonly id: string
  readonly name: string
}

/** Names as searches compare them, where that is not the name itself. */
export async function foldedNames(db: Database): Promise<void> {
  await execute(db, sql`alter table files add column folded text collate "C"`)
  let behind = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const rows = await execute(
      db,
      sql<Named>`select id, name from files where id > ${behind}::uuid order by id limit ${filesAtOnce}`,
    )
    const last = rows.at(-1)
    if (last === undefined) return
    behind = last.id
    const folded = rows
      .map(({ id, name }) => ({ id, folded: foldedName(name) }))
      .filter(({ folded: text }) => text !== null)
    const [ids, texts] = [folded.map(({ id }) => id), folded.map(({ folded: text }) => text)]
    await execute(
      db,
      sql`update files set folded = given.folded
      from unnest(${ids}::uuid[], ${texts}::text[]) given (id, folded) where files.id = given.id`,
    )
  }
}

/** Counts changes without waiting: an update of one row would make all changes wait in line. */
export async function commits(db: Database): Promise<void> {
  await execute(db, sql`create sequence commits`)
}

export const postgresTables: TableDialect = {
  serialKey: 'bigint generated always as identity primary key',
  integer: 'bigint',
  bytes: 'bytea',
  id: 'uuid',
  ordered: 'text collate "C"',
  flag: (column) => `${column} boolean not null`,
  byteLength: 'octet_length',
  currentMs: 'floor(extract(epoch from clock_timestamp()) * 1000)',
  end: '',
  endByKey: '',
  more: [
    // Digests do not get any shorter.
    'alter table chunks alter column block_digests set storage external',
    `create table nodes (
      id uuid primary key,
      seen_at timestamptz not null,
      in_use uuid[] not null,
      lookups_since bigint not null,
      puts_since bigint not null
    )`,
  ],
}
