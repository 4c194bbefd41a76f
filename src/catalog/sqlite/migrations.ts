import type { DatabaseSync } from 'node:sqlite'
import { foldedName } from '../../model/fold-text.ts'
import { sealOfFile, sealOfRecord, sealOfSegment, sealOfUse, type SealedFile } from '../seals.ts'

/** Checksums for the rows there are, and the count of commits (see `commit-note.ts`). */
export function seals(database: DatabaseSync): void {
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
    sealOfRecord(String(location), String(id), Number(page)),
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
export function foldedNames(database: DatabaseSync): void {
  database.function('folded_name', { deterministic: true }, foldedName as () => string | null)
  database.exec(`
    alter table files add column folded text;
    update files set folded = folded_name(name) where folded_name(name) is not null;
  `)
  // A search looks at every name: with this index it reads the rows only of those that it finds.
  database.exec('create index files_by_folded on files (owner, name, folded)')
}
