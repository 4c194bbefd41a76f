import type { TableDialect } from '../sql/migrations/0001-first-tables.ts'

export const sqliteTables: TableDialect = {
  serialKey: 'integer primary key',
  integer: 'integer',
  bytes: 'blob',
  id: 'text',
  ordered: 'text',
  flag: (column) => `${column} integer not null check (${column} in (0, 1))`,
  byteLength: 'length',
  currentMs: "cast(unixepoch('subsec') * 1000 as integer)",
  end: ' strict',
  endByKey: ' strict, without rowid',
  more: [],
}
