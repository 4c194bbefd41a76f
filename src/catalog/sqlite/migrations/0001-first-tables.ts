import { sql } from 'kysely'
import type { Kysely } from 'kysely'

export async function firstTables(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db)
}

const statements = [
  sql`create table chunks (
    id integer primary key,
    digest blob not null unique check (length(digest) = 32),
    size integer not null check (size > 0),
    location text not null,
    block_digests blob not null,
    checked_at integer not null default (cast(unixepoch('subsec') * 1000 as integer)),
    condition text not null default 'sound' check (condition in ('sound', 'damaged', 'missing'))
  ) strict`,
  sql`create index chunks_by_location on chunks (location)`,
  sql`create index chunks_by_check on chunks (checked_at)`,
  sql`create index chunks_not_sound on chunks (checked_at, condition) where condition <> 'sound'`,

  sql`create table files (
    id text primary key not null,
    owner text not null,
    name text not null,
    size integer not null,
    media_type text not null,
    digest blob not null check (length(digest) = 32),
    created_at integer not null,
    modified_at integer not null,
    metadata text not null,
    unique (owner, name)
  ) strict`,

  sql`create table uploads (
    id text primary key not null,
    owner text not null,
    name text not null,
    media_type text not null,
    metadata text not null,
    size integer,
    "offset" integer not null,
    is_partial integer not null check (is_partial in (0, 1)),
    is_finished integer not null check (is_finished in (0, 1)),
    is_declined integer not null check (is_declined in (0, 1)),
    announced text,
    created_at integer not null,
    expires_at integer not null
  ) strict`,
  sql`create index uploads_by_owner on uploads (owner, is_finished, id)`,
  sql`create index uploads_by_expiry on uploads (expires_at, id)`,

  sql`create table file_chunks (
    file_id text not null,
    start integer not null,
    chunk_id integer not null references chunks (id),
    primary key (file_id, start)
  ) strict, without rowid`,
  sql`create index file_chunks_by_chunk on file_chunks (chunk_id)`,

  sql`create table joined (
    file_id text not null,
    start integer not null,
    part_id text not null,
    primary key (file_id, start)
  ) strict, without rowid`,
  sql`create index joined_by_part on joined (part_id)`,

  sql`create table discarded (
    file_id text primary key not null,
    discarded_at integer not null
  ) strict`,
  sql`create index discarded_by_time on discarded (discarded_at)`,

  sql`create table records (
    location text primary key not null,
    file_id text,
    page integer not null,
    found_at integer not null
  ) strict, without rowid`,
  sql`create index records_by_file on records (file_id, page)`,

  sql`create table found (
    digest blob not null,
    location text not null,
    size integer not null,
    primary key (digest, location)
  ) strict, without rowid`,

  sql`create table garbage (
    id integer primary key,
    location text not null unique,
    size integer not null,
    found_at integer not null
  ) strict`,
  sql`create index garbage_by_time on garbage (found_at, id)`,
]
