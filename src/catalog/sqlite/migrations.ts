import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../model/errors.ts'
import { foldedName } from '../../model/fold-text.ts'
import { damage, type SealedFile, sealOfFile, sealOfManifest, sealOfSegment, sealOfUse } from '../seals.ts'
import type { Database } from '../sql/dialect.ts'
import { firstTables, type TableDialect } from '../sql/migrations/0001-first-tables.ts'
import { boundStore } from '../sql/migrations/0003-bound-store.ts'

/** Checksums for the rows there are, and the count of commits (see `commit-note.ts`). */
function seals(database: DatabaseSync): void {
  database.exec('create table commits (count integer not null) strict; insert into commits values (0)')
  for (const table of ['files', 'file_chunks', 'joined', 'records'])
    database.exec(`alter table ${table} add column seal integer not null default 0`)
  database.function('seal_of_file', { varargs: true }, (...columns) => sealOfFile(fileOf(columns)))
  database.function('seal_of_use', (id, start, size, digest, blocks) =>
    sealOfUse(String(id), Number(start), {
      size: Number(size),
      digest: digest as Uint8Array,
      block_digests: blocks as Uint8Array,
    }),
  )
  database.function('seal_of_segment', (id, start, part) =>
    sealOfSegment(String(id), Number(start), String(part)),
  )
  database.function('seal_of_record', (location, id, page) =>
    sealOfManifest(String(location), String(id), Number(page)),
  )
  database.exec(`
    update files set seal = seal_of_file(
      id, owner, name, size, media_type, digest, created_at, modified_at, metadata);
    update file_chunks set seal = (
      select seal_of_use(file_id, start, size, digest, block_digests) from chunks where chunks.id = chunk_id);
    update joined set seal = seal_of_segment(file_id, start, part_id);
    update records set seal = seal_of_record(location, coalesce(file_id, ''), page);
  `)
}

function fileOf(columns: readonly unknown[]): SealedFile {
  const [id, owner, name, size, media_type, digest, created_at, modified_at, metadata] = columns
  return {
    id: String(id),
    owner: String(owner),
    name: String(name),
    size: Number(size),
    media_type: String(media_type),
    digest: digest as Uint8Array,
    created_at: Number(created_at),
    modified_at: Number(modified_at),
    metadata: String(metadata),
  }
}

/** Names as searches compare them, where that is not the name itself. */
function foldedNames(database: DatabaseSync): void {
  database.function('folded_name', { deterministic: true }, foldedName as () => string | null)
  database.exec(`
    alter table files add column folded text;
    update files set folded = folded_name(name) where folded_name(name) is not null;
  `)
  // A search looks at every name: with this index it reads the rows only of those that it finds.
  database.exec('create index files_by_folded on files (owner, name, folded)')
}

const sqliteTables: TableDialect = {
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

/**
 * In the order in which they were published; the database's `user_version` counts those it has
 * seen.
 */
const migrations: readonly ((db: Database, database: DatabaseSync) => Promise<void>)[] = [
  (db) => firstTables(db, sqliteTables),
  async (_, database) => seals(database),
  (db) => boundStore(db, sqliteTables),
  async (_, database) => foldedNames(database),
]

/** Throws `unavailable` if a newer Ashlar has migrated the database past what this one knows. */
export function refuseNewer(database: DatabaseSync): void {
  const version = versionOf(database)
  if (version < 0) throw damage(`it says that it has version ${version}`)
  if (version <= migrations.length) return
  throw new StoreError(
    'unavailable',
    `The catalog has version ${version}, but this Ashlar knows versions up to ${migrations.length}: start the newer Ashlar that wrote it. If there was none, the catalog is damaged: run ashlar rebuild.`,
  )
}

/** Throws `unavailable` unless the database has been migrated just as far as this Ashlar knows. */
export function refuseOther(database: DatabaseSync): void {
  refuseNewer(database)
  const version = versionOf(database)
  if (version === migrations.length) return
  throw new StoreError(
    'unavailable',
    `The catalog has version ${version}, not ${migrations.length}: start the server once, which brings it up to date.`,
  )
}

/** Brings the tables up to date. A migration happens whole or not at all. */
export async function migrate(database: DatabaseSync, db: Database): Promise<void> {
  for (let version = versionOf(database); version < migrations.length; version++) {
    database.exec('begin immediate')
    await migrations[version]!(db, database)
    database.exec(`pragma user_version = ${version + 1}`)
    database.exec('commit')
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.['user_version'])
}
