import type { Generated } from 'kysely'
import type { FileId, FileName, Space } from '../../model/file.ts'
import type { Location } from '../../model/chunk.ts'
import type { StoreId } from '../../model/store-identity.ts'
import type { Condition } from '../upkeep.ts'

export const beforeAllIds = '00000000-0000-0000-0000-000000000000' as FileId

/** SQLite has 0 and 1. */
export type Flag = boolean | 0 | 1

/** The tables after the newest migration. Digests are raw, times milliseconds since 1970. */
export interface Schema {
  /** The store that the catalog belongs to: one row, or none in a new catalog. */
  bound_store: { only_row: 1; id: StoreId; is_confirmed: Flag }
  chunks: ChunkTable
  files: FileTable
  uploads: UploadTable
  /** Of files and uploads: an upload keeps its id when it becomes a file, so its rows stay. */
  file_chunks: FileChunkTable
  /** A joined upload has no chunks of its own, but those of these lists, each from `start` on. */
  joined: { file_id: FileId; start: number; part_id: FileId; seal: number }
  /** Chunk lists that were unlinked, with the time; 0 if they can be collected at once. */
  discarded: { file_id: FileId; discarded_at: number }
  /** Where manifests of files are kept, or were: then they belong to no file any more. */
  records: RecordTable
  /** What a chunk store has, while the catalog is made of it. */
  found: { digest: Uint8Array; size: number; location: Location }
  /** In the order of ids, which is by age. An orphan has the time when it was found, all else 0. */
  garbage: { id: Generated<number>; location: Location; size: number; found_at: number }
  /** Only in PostgreSQL. One row; a draft is a catalog whose rebuild has not finished. */
  ashlar_catalog: { version: number; is_draft: boolean }
  /** Only in PostgreSQL: processes that use the catalog, and what they have said they count on. */
  nodes: NodeTable
}

interface ChunkTable {
  id: Generated<number>
  digest: Uint8Array
  size: number
  location: Location
  block_digests: Uint8Array
  /** When it was last read back, or else stored. */
  checked_at: Generated<number>
  condition: Generated<Condition>
}

export interface FileTable {
  id: FileId
  owner: Space
  name: FileName
  size: number
  media_type: string
  digest: Uint8Array
  created_at: number
  modified_at: number
  /** JSON, as text: PostgreSQL's own JSON cannot hold every character. */
  metadata: string
  /** The name as searches compare it; null where that is the name itself. */
  folded: string | null
  /** Checksums of rows: see `seals.ts`. */
  seal: number
}

export interface UploadTable {
  id: FileId
  owner: Space
  name: FileName
  media_type: string
  metadata: string
  size: number | null
  offset: number
  is_partial: Flag
  /** It has become the file with the same id, which its chunks belong to. */
  is_finished: Flag
  is_declined: Flag
  announced: string | null
  created_at: number
  expires_at: number
}

export interface FileChunkTable {
  file_id: FileId
  start: number
  chunk_id: number
  seal: number
}

export interface RecordTable {
  location: Location
  file_id: FileId | null
  page: number
  /** When an orphan was found; 0 for all others. */
  found_at: number
  /** For the file that it belongs to, or belonged to. */
  seal: number
}

interface NodeTable {
  id: string
  /** By the clock of the database. */
  seen_at: string
  in_use: FileId[]
  /** These two by the clock of the process, and not after it was seen. */
  lookups_since: number
  puts_since: number
}
