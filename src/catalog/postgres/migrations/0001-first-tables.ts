import { sql } from 'kysely'
import type { Kysely } from 'kysely'

export async function firstTables(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db)
}

const statements = [
  sql`create table chunks (
    id bigint generated always as identity primary key,
    digest bytea not null unique check (octet_length(digest) = 32),
    size bigint not null check (size > 0),
    location text collate "C" not null,
    block_digests bytea not null,
    checked_at bigint not null default (floor(extract(epoch from clock_timestamp()) * 1000)),
    condition text not null default 'sound' check (condition in ('sound', 'damaged', 'missing'))
  )`,
  // Digests do not get any shorter.
  sql`alter table chunks alter column block_digests set storage external`,
  sql`create index chunks_by_location on chunks (location)`,
  sql`create index chunks_by_check on chunks (checked_at)`,
  sql`create index chunks_not_sound on chunks (checked_at, condition) where condition <> 'sound'`,

  sql`create table files (
    id uuid primary key,
    owner text collate "C" not null,
    name text collate "C" not null,
    size bigint not null,
    media_type text not null,
    digest bytea not null check (octet_length(digest) = 32),
    created_at bigint not null,
    modified_at bigint not null,
    metadata text not null,
    constraint files_by_name unique (owner, name)
  )`,

  sql`create table uploads (
    id uuid primary key,
    owner text collate "C" not null,
    name text collate "C" not null,
    media_type text not null,
    metadata text not null,
    size bigint,
    "offset" bigint not null,
    is_partial boolean not null,
    is_finished boolean not null,
    is_declined boolean not null,
    announced text,
    created_at bigint not null,
    expires_at bigint not null
  )`,
  sql`create index uploads_by_owner on uploads (owner, is_finished, id)`,
  sql`create index uploads_by_expiry on uploads (expires_at, id)`,

  sql`create table file_chunks (
    file_id uuid not null,
    start bigint not null,
    chunk_id bigint not null references chunks (id),
    primary key (file_id, start)
  )`,
  sql`create index file_chunks_by_chunk on file_chunks (chunk_id)`,

  sql`create table joined (
    file_id uuid not null,
    start bigint not null,
    part_id uuid not null,
    primary key (file_id, start)
  )`,
  sql`create index joined_by_part on joined (part_id)`,

  sql`create table discarded (
    file_id uuid primary key,
    discarded_at bigint not null
  )`,
  sql`create index discarded_by_time on discarded (discarded_at)`,

  sql`create table records (
    location text collate "C" primary key,
    file_id uuid,
    page bigint not null,
    found_at bigint not null
  )`,
  sql`create index records_by_file on records (file_id, page)`,

  sql`create table found (
    digest bytea not null,
    location text collate "C" not null,
    size bigint not null,
    primary key (digest, location)
  )`,

  sql`create table garbage (
    id bigint generated always as identity primary key,
    location text collate "C" not null unique,
    size bigint not null,
    found_at bigint not null
  )`,
  sql`create index garbage_by_time on garbage (found_at, id)`,

  sql`create table nodes (
    id uuid primary key,
    seen_at timestamptz not null,
    in_use uuid[] not null,
    lookups_since bigint not null,
    puts_since bigint not null
  )`,
]
