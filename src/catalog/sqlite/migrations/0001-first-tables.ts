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
    block_digests blob not null
  ) strict`,

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

  sql`create table discarded (
    file_id text primary key not null,
    discarded_at integer not null
  ) strict`,
  sql`create index discarded_by_time on discarded (discarded_at)`,

  sql`create table garbage (
    id integer primary key,
    location text not null unique
  ) strict`,
]
