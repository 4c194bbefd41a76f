import type { Generated, Kysely } from 'kysely'
import type { FileId, FileName, Owner } from '../../model/file.ts'
import type { Location } from '../../model/chunk.ts'

/** The tables as the newest migration leaves them. Digests are raw, times milliseconds since 1970. */
export interface Schema {
  chunks: ChunkTable
  files: FileTable
  uploads: UploadTable
  /** Of files and uploads alike: an upload keeps its id when it becomes a file, so its chunks need no change. */
  file_chunks: FileChunkTable
  /** Chunk lists that were let go, with the time; 0 if they can be collected at once. */
  discarded: { file_id: FileId; discarded_at: number }
  /** In the order of ids, which is by age. */
  garbage: { id: Generated<number>; location: Location }
}

export interface ChunkTable {
  id: Generated<number>
  digest: Uint8Array
  size: number
  location: Location
  block_digests: Uint8Array
}

export interface FileTable {
  id: FileId
  owner: Owner
  name: FileName
  size: number
  media_type: string
  digest: Uint8Array
  created_at: number
  modified_at: number
  /** JSON. */
  metadata: string
}

export interface UploadTable {
  id: FileId
  owner: Owner
  name: FileName
  media_type: string
  metadata: string
  size: number | null
  offset: number
  is_partial: 0 | 1
  /** It has become the file with the same id, which its chunks belong to. */
  is_finished: 0 | 1
  announced: string | null
  created_at: number
  expires_at: number
}

export interface FileChunkTable {
  file_id: FileId
  start: number
  chunk_id: number
}

export type Database = Kysely<Schema>
