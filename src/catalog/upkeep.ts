import type { Chunk, Location } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'
import type { FileId, FileName, StoredFile } from '../model/file.ts'
import type { StoreBinding } from '../model/store-identity.ts'

/** How a chunk was found when all of it was last read; `sound` also if it has only been stored. */
export type Condition = 'sound' | 'damaged' | 'missing'

export interface CheckedChunk extends Chunk {
  readonly condition: Condition
}

/** Where a listing by location stands. Chunks that are lost share a location. */
export type ChunkPosition = Pick<Chunk, 'location' | 'digest'>

/** Bytes at a location that nobody counts on. */
export interface Garbage {
  readonly location: Location
  readonly size: number
}

/** A file, or an upload that is not finished. */
export interface Holder {
  readonly id: FileId
  readonly name: FileName
  readonly isUpload: boolean
}

export interface CheckedList extends Holder {
  /** What is wrong with it, to be read behind its name; absent if nothing is. */
  readonly fault?: string
}

/** A file and the locations of its manifest. */
export interface ListedManifest {
  readonly id: FileId
  readonly name: FileName
  /** Absent if the catalog's entry of the file, or of a location, is damaged. */
  readonly file?: StoredFile
  /** The pages in order; behind them the confirmation, if the file has one. */
  readonly locations: readonly Location[]
}

export interface Collectable {
  /** Uploads that have expired, finished ones too. */
  readonly uploads: number
  readonly chunks: number
  readonly bytes: number
}

/** Read-only queries for the upkeep of a store. They can run beside a server that has it open. */
export interface CatalogInspection {
  /** The store that the catalog belongs to, if it has ever been opened with one. */
  findBinding(): Promise<StoreBinding | undefined>
  /** A chunk of that content, if one is present. */
  findChunk(digest: Digest): Promise<Chunk | undefined>
  /**
   * Chunks by location, those after `after`. A store keeps small chunks with neighbouring locations
   * in one file, so reading them in this order opens each file once.
   */
  listAllChunks(after: ChunkPosition | undefined, limit: number): Promise<readonly Chunk[]>
  /**
   * Files and uploads that use a chunk, by id, those after `after`, without files that were
   * unlinked.
   */
  listHolders(digest: Digest, limit: number, after?: FileId): Promise<readonly Holder[]>
  /**
   * Files and uploads of every space by id, those after `after`, each with what is wrong with its
   * chunk list, which must have no gap, be as long as the file, and match the file's digest.
   */
  checkLists(after: FileId | undefined, limit: number): Promise<readonly CheckedList[]>
  /** Files of every space by id, those after `after`, each with the locations of its manifest. */
  listFileManifests(after: FileId | undefined, limit: number): Promise<readonly ListedManifest[]>
  /** Those of the locations that neither a chunk nor garbage has. */
  listUnknown(locations: readonly Location[]): Promise<readonly Location[]>
  /**
   * What is wrong with the catalog itself, as far as its engine can tell; empty if it is sound. It
   * takes time in proportion to its size, but does not make other calls wait that long.
   */
  verify(): Promise<readonly string[]>
  /** A count that increases with every committed change. */
  countCommits(): Promise<number>
  /** What a collection would take, without the orphans that it has yet to find. */
  countCollectable(query: CollectableQuery): Promise<Collectable>
}

/** Times in milliseconds since 1970. */
export interface CollectableQuery {
  readonly unlinkedBefore: number
  readonly expiredBefore: number
  readonly foundBefore: number
}

export interface DueQuery {
  readonly checkedBefore: number
  /** The same for chunks that were not sound: somebody may have mended them by hand. */
  readonly notSoundCheckedBefore: number
  readonly limit: number
}

export interface ChunkCheck extends Pick<Chunk, 'digest' | 'location'> {
  /** Absent if unknown: the chunk keeps its condition and counts as checked. */
  readonly condition?: Condition
}

/** When chunks were last read, and in which condition they were. */
export interface CatalogChecks {
  /**
   * Chunks that are due for a check: those that were not sound first, then the oldest checks first.
   */
  listDueChunks(query: DueQuery): Promise<readonly CheckedChunk[]>
  /**
   * Records what checks have found about chunks that are still where they were read. Resolves with
   * those that were sound before and are not now.
   */
  saveChecks(checks: readonly ChunkCheck[], at: number): Promise<readonly ChunkCheck[]>
  /**
   * How many chunks were not sound at their last check and are neither mended nor collected since.
   */
  countNotSound(): Promise<Readonly<Record<'damaged' | 'missing', number>>>
}
