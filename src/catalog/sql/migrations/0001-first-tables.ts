import { sql } from 'kysely'
import type { Database } from '../dialect.ts'
import { execute } from '../prepared.ts'

/** How an engine spells what the tables are made of. */
export interface TableDialect {
  /** A key that the engine counts up. */
  readonly serialKey: string
  readonly integer: string
  readonly bytes: string
  readonly id: string
  /** Text that sorts by its bytes. */
  readonly ordered: string
  readonly flag: (column: string) => string
  /** The function that counts bytes. */
  readonly byteLength: string
  readonly currentMs: string
  /** Behind a table, and behind one whose rows are kept in the order of their key. */
  readonly end: string
  readonly endByKey: string
  /** Further statements. */
  readonly more: readonly string[]
}

export async function firstTables(db: Database, dialect: TableDialect): Promise<void> {
  for (const statement of statements(dialect)) await execute(db, sql.raw(statement))
}

const statements = (given: TableDialect): readonly string[] => {
  const { serialKey, integer, bytes, id, ordered, flag, byteLength, currentMs, end, endByKey, more } = given
  return [
    `create table chunks (
    id ${serialKey},
    digest ${bytes} not null unique check (${byteLength}(digest) = 32),
    size ${integer} not null check (size > 0),
    location ${ordered} not null,
    block_digests ${bytes} not null,
    checked_at ${integer} not null default (${currentMs}),
    condition text not null default 'sound' check (condition in ('sound', 'damaged', 'missing'))
  )${end}`,
    `create index chunks_by_location on chunks (location)`,
    `create index chunks_by_check on chunks (checked_at)`,
    `create index chunks_not_sound on chunks (checked_at, condition) where condition <> 'sound'`,

    `create table files (
    id ${id} primary key not null,
    owner ${ordered} not null,
    name ${ordered} not null,
    size ${integer} not null,
    media_type text not null,
    digest ${bytes} not null check (${byteLength}(digest) = 32),
    created_at ${integer} not null,
    modified_at ${integer} not null,
    metadata text not null,
    constraint files_by_name unique (owner, name)
  )${end}`,

    `create table uploads (
    id ${id} primary key not null,
    owner ${ordered} not null,
    name ${ordered} not null,
    media_type text not null,
    metadata text not null,
    size ${integer},
    "offset" ${integer} not null,
    ${flag('is_partial')},
    ${flag('is_finished')},
    ${flag('is_declined')},
    announced text,
    created_at ${integer} not null,
    expires_at ${integer} not null
  )${end}`,
    `create index uploads_by_owner on uploads (owner, is_finished, id)`,
    `create index uploads_by_expiry on uploads (expires_at, id)`,

    `create table file_chunks (
    file_id ${id} not null,
    start ${integer} not null,
    chunk_id ${integer} not null references chunks (id),
    primary key (file_id, start)
  )${endByKey}`,
    `create index file_chunks_by_chunk on file_chunks (chunk_id)`,

    `create table joined (
    file_id ${id} not null,
    start ${integer} not null,
    part_id ${id} not null,
    primary key (file_id, start)
  )${endByKey}`,
    `create index joined_by_part on joined (part_id)`,

    `create table discarded (
    file_id ${id} primary key not null,
    discarded_at ${integer} not null
  )${end}`,
    `create index discarded_by_time on discarded (discarded_at)`,

    `create table records (
    location ${ordered} primary key not null,
    file_id ${id},
    page ${integer} not null,
    found_at ${integer} not null
  )${endByKey}`,
    `create index records_by_file on records (file_id, page)`,

    `create table found (
    digest ${bytes} not null,
    location ${ordered} not null,
    size ${integer} not null,
    primary key (digest, location)
  )${endByKey}`,

    `create table garbage (
    id ${serialKey},
    location ${ordered} not null unique,
    size ${integer} not null,
    found_at ${integer} not null
  )${end}`,
    `create index garbage_by_time on garbage (found_at, id)`,
    ...more,
  ]
}
