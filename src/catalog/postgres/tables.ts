import type { TableDialect } from '../sql/migrations/0001-first-tables.ts'

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
