import type { Location } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'
import type { FileId, StoredFile } from '../model/file.ts'
import type { ChunkUse } from './catalog.ts'

/** Bytes that a chunk store has, by the digest that their place is named for; they need not have it. */
export interface FoundChunk {
  readonly digest: Digest
  readonly size: number
  readonly location: Location
}

/** A page of a file's record, and where it is kept. */
export interface FoundRecord {
  readonly id: FileId
  /** In the first page, which is at 0. */
  readonly file: StoredFile | undefined
  /** Where in the file the first of the chunks begins. */
  readonly start: number
  readonly chunks: readonly ChunkUse[]
  readonly location: Location
}

/** The `start` of a file's confirmation, which is a record without chunks and behind all others. */
export const confirmationPage = Number.MAX_SAFE_INTEGER

/** Where a chunk is of which there is nothing left: a location that no store has. */
export const lostLocation = 'lost' as Location

export interface Restored {
  readonly files: number
  /** Chunks at `lostLocation`. */
  readonly lostChunks: number
}

/** Makes a catalog of what the stores have; each method is one transaction. Of a catalog that is empty at first, and that nobody else uses. */
export interface CatalogRestore {
  addFound(chunks: readonly FoundChunk[]): Promise<void>
  /** Everything that was added under the digest. */
  listFound(digest: Digest): Promise<readonly FoundChunk[]>
  /**
   * Takes over a page. The first one of a file, at 0, puts it behind its name, and of several for one file or one name the latest
   * counts; of two files for a name that one goes first whose chunks are all there. Pages come in any order. A chunk without a location is one that another page has already.
   */
  restoreRecord(record: FoundRecord): Promise<void>
  /** Has `countCommits` begin there, past what an older catalog can have counted. */
  countCommitsFrom(least: number): Promise<void>
  /** Forgets what was found, and all pages of which the first one is missing. Resolves with what there is now. */
  endRestore(): Promise<Restored>
}
