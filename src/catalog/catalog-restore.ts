import type { Location } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'
import type { FileId, StoredFile } from '../model/file.ts'
import type { ChunkUse } from './catalog.ts'

/**
 * Bytes in a chunk store, by the digest in the name of their location, which they may not match.
 */
export interface FoundChunk {
  readonly digest: Digest
  readonly size: number
  readonly location: Location
}

/** A page of a file's manifest, and where it is kept. */
export interface RestoredManifest {
  readonly id: FileId
  /** In the first page, which is at 0. */
  readonly file: StoredFile | undefined
  /** Where in the file the first of the chunks begins. */
  readonly start: number
  readonly chunks: readonly ChunkUse[]
  readonly location: Location
}

/**
 * The `start` of a file's confirmation, which is a manifest without chunks and behind all others.
 */
export const confirmationPage = Number.MAX_SAFE_INTEGER

/** The location of a chunk that is lost: no store has it. */
export const lostLocation = 'lost' as Location

export interface Restored {
  readonly files: number
  /** Chunks at `lostLocation`. */
  readonly lostChunks: number
}

/**
 * Fills an empty catalog, which nobody else uses, from the stores. Each method is one transaction.
 */
export interface CatalogRestore {
  addCandidates(chunks: readonly FoundChunk[]): Promise<void>
  /** Everything that was added under the digest. */
  listCandidates(digest: Digest): Promise<readonly FoundChunk[]>
  /**
   * Adds a page; pages come in any order. The first page of a file, at 0, points its name to it. Of
   * several pages for one file the latest counts. Of several files for one name, one with all its
   * chunks wins, then the latest. A chunk without a location is in another page as well.
   */
  restoreManifest(manifest: RestoredManifest): Promise<void>
  /** Makes `countCommits` start there, past any count of an older catalog. */
  countCommitsFrom(least: number): Promise<void>
  /**
   * Forgets what was found, and pages whose first page is missing. Resolves with what was restored.
   */
  endRestore(): Promise<Restored>
}
