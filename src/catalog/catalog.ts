import type { FileChunk, Location, PackedChunks } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'
import type { FileId, FileName, FileRef, Metadata, Space, StoredFile } from '../model/file.ts'
import type { StoreBinding } from '../model/store-identity.ts'
import type { Upload } from '../model/upload.ts'
import type { CatalogChecks, CatalogInspection, Garbage } from './upkeep.ts'

/**
 * A chunk that a file or an upload will use; chunks follow each other without gaps. One with a
 * location was just stored there. One without is believed present (`findChunk`) and is used where
 * it is. If the catalog already has the chunk, the given location becomes garbage in the same
 * transaction.
 */
export interface ChunkUse {
  readonly digest: Digest
  readonly size: number
  readonly blockDigests: Uint8Array
  readonly location?: Location
  /** The chunk at this location is damaged: the new location replaces it. */
  readonly mends?: Location
}

/** A condition on the current file of the name; if it fails, nothing happens (RFC 9110, 13.1). */
export interface Precondition {
  /** A file exists (`*`), or the current one has one of these digests. */
  readonly ifMatch?: '*' | readonly string[]
  /** No file exists (`*`), or the current one has none of these digests. */
  readonly ifNoneMatch?: '*' | readonly string[]
  /**
   * The current file, if any, was not modified after the second that begins at this time.
   * Milliseconds since 1970.
   */
  readonly ifUnmodifiedSince?: number
}

/** Where the manifest of a file is kept, from which the catalog could be rebuilt. */
export interface ManifestLocations {
  /**
   * When the manifest says the change was made; the catalog uses the same. Milliseconds since 1970.
   */
  readonly at: number
  /** When the file was created, if that was earlier, in another store. */
  readonly createdAt?: number
  /** Locations of its pages, in order. A location is never reused. */
  readonly locations: readonly Location[]
}

export interface NewFile {
  readonly id: FileId
  readonly space: Space
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  readonly digest: Digest
  readonly chunks: readonly ChunkUse[]
  readonly precondition?: Precondition
  readonly manifest?: ManifestLocations
}

export interface NewUpload {
  readonly id: FileId
  readonly space: Space
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  readonly size?: number
  /** True if it exists to be concatenated and never becomes a file by itself. */
  readonly isPartial?: boolean
  /** What the protocol that created it must repeat to clients; kept as given. */
  readonly protocolState?: string
  readonly expiresAt: number
}

export interface FinishedUpload {
  readonly id: FileId
  readonly digest: Digest
  /** How many bytes the digest covers. Rejects `corrupt` if the upload has more or fewer. */
  readonly size?: number
  readonly precondition?: Precondition
  /**
   * If true, the upload can be found as finished until it expires or is deleted. Otherwise it is
   * gone at once.
   */
  readonly isRemembered?: boolean
  readonly manifest?: ManifestLocations
}

/** A file that its name now points to, and whether it replaced another one. */
export interface CommittedFile {
  readonly file: StoredFile
  readonly hasReplaced: boolean
  /** Where the manifests of the replaced file are: garbage, until `forgetManifests`. */
  readonly unlinkedManifests: readonly Location[]
}

/** Moves the first page of a manifest, which holds what can be changed. */
export interface ManifestMove {
  readonly at: number
  /** Absent if the file had no manifest. */
  readonly from: Location | undefined
  readonly to: Location
}

export interface FileChanges {
  readonly name?: FileName
  readonly mediaType?: string
  /** Replaces all metadata. */
  readonly metadata?: Metadata
}

export interface ListQuery {
  readonly space: Space
  readonly prefix: string
  /**
   * Names that contain it after the prefix are grouped into one entry, which ends with its first
   * occurrence.
   */
  readonly delimiter?: string
  /** Only names that contain this, ignoring letter case and normal form (`foldText`). */
  readonly q?: string
  /** At most this many files and prefixes together, at least 1. */
  readonly limit: number
  /** The last name or prefix of the previous page. */
  readonly after?: string
}

export interface FilePage {
  readonly files: readonly StoredFile[]
  readonly prefixes: readonly string[]
  /** Pass as `after` for the next page; absent on the last. */
  readonly next?: string
}

export interface CollectQuery {
  /** Only what was unlinked before this time. Milliseconds since 1970. */
  readonly unlinkedBefore: number
  /** Files that are being downloaded: their chunks stay. */
  readonly inUse: readonly FileId[]
  /** How many chunk uses one call looks at, at least 1. This bounds the transaction. */
  readonly limit: number
}

/**
 * Knows files, names, uploads and which chunks they use. Each method is one transaction, and a
 * change resolves once it would survive a power cut. Names sort by their UTF-8 bytes. Every method
 * rejects `unavailable` if the database cannot be used, and `no_space` if it cannot grow.
 */
export interface Catalog extends CatalogInspection, CatalogChecks {
  /**
   * Binds the catalog to a store unless it is bound, or confirms the binding if it is bound to this
   * store. Resolves with the current binding.
   */
  bindStore(binding: StoreBinding): Promise<StoreBinding>
  /** As `countCommits`, but no crash can undo what it counts. It may itself be a change. */
  countDurableCommits(): Promise<number>
  /**
   * Creates a whole file and points its name to it; a file that had the name is unlinked. Rejects
   * `precondition_failed`, and `chunk_gone` if a chunk believed present is not. Nothing has
   * happened then.
   */
  createFile(file: NewFile): Promise<CommittedFile>
  findFile(space: Space, ref: FileRef): Promise<StoredFile | undefined>
  /** An aborted search (`q`) ends soon and rejects with the signal's reason. */
  listFiles(query: ListQuery, options?: { readonly signal?: AbortSignal }): Promise<FilePage>
  /**
   * Rejects `not_found`, `precondition_failed`, and `name_taken` if another file has the new name.
   * Rejects `manifest_moved` if the manifest is not at `move.from`: another call has changed the
   * file.
   */
  updateFile(
    space: Space,
    ref: FileRef,
    changes: FileChanges,
    precondition?: Precondition,
    move?: ManifestMove,
  ): Promise<StoredFile>
  /**
   * Lets the file go: it can no longer be found, and its chunks stay until they are collected.
   * Resolves with the locations of its manifest, which are garbage until `forgetManifests`. Rejects
   * `not_found`, `precondition_failed`.
   */
  deleteFile(space: Space, ref: FileRef, precondition?: Precondition): Promise<readonly Location[]>
  /** The locations of a file's manifest, its pages in order. */
  listManifestPages(id: FileId): Promise<readonly Location[]>
  /**
   * Moves the manifest of a file; the old locations are garbage until `forgetManifests`. Rejects
   * `manifest_moved` if it is not at the locations `from`, or the file is gone: another call has
   * changed the file.
   */
  replaceManifests(id: FileId, from: readonly Location[], to: readonly Location[]): Promise<void>
  /**
   * Locations of manifests that are garbage; marked ones only if they were found before that time.
   */
  listUnlinkedManifests(limit: number, foundBefore?: number): Promise<readonly Location[]>
  /**
   * Makes those that the catalog has never heard of garbage, found at that time, and resolves with
   * them. Until it is forgotten, a file can still claim one.
   */
  markUnknownManifests(locations: readonly Location[], at: number): Promise<readonly Location[]>
  /** Call it once the manifests at these locations are deleted. */
  forgetManifests(locations: readonly Location[]): Promise<void>

  /**
   * Chunks of a file or an upload, in order: the one that holds byte `from` and those after it, at
   * most `limit`. This works until the chunks are collected, even after the file was unlinked.
   */
  listChunks(id: FileId, from: number, limit: number): Promise<readonly FileChunk[]>
  /** The same for many chunks at once, without their locations. */
  packChunks(id: FileId, from: number, limit: number): Promise<PackedChunks>

  createUpload(upload: NewUpload): Promise<Upload>
  /** Also finds a finished one while it is remembered. */
  findUpload(space: Space, id: FileId): Promise<Upload | undefined>
  /**
   * Sets how long the file will be; to set the same again changes nothing. Rejects `not_found`,
   * `offset_conflict` if another size is set or the upload is finished, and `too_large` if the
   * offset is already past it.
   */
  declareUploadSize(id: FileId, size: number): Promise<void>
  /**
   * Appends chunks, moves the offset and postpones expiry if the offset is still `from`
   * (compare-and-set). Resolves with the new offset. Rejects `not_found`, `offset_conflict` (also
   * if the upload is finished), `chunk_gone`, and `too_large` past the upload's size.
   */
  advanceUpload(id: FileId, from: number, chunks: readonly ChunkUse[], expiresAt: number): Promise<number>
  /**
   * Appends everything that the upload `sourceId` has, and removes that upload. In this way bytes
   * that must be checked first are received into an upload of their own. Rejects what
   * `advanceUpload` does, `not_found` and `offset_conflict` for the source, too, and
   * `invalid_request` if the source is the upload itself, was concatenated from others, or is part
   * of a joined one.
   */
  appendUpload(id: FileId, from: number, sourceId: FileId, expiresAt: number): Promise<number>
  /**
   * Creates an upload that has the chunks of the parts, in this order, in time that does not depend
   * on their sizes. Its offset and its size are the sum of theirs. A part may be given several
   * times. The parts stay as they are, and deleting them later does not affect the upload. Rejects
   * `not_found` if a part does not exist, and `invalid_request` if one is not partial, not
   * complete, or of another space, or if the upload has a size that is not the sum.
   */
  concatenateUploads(upload: NewUpload, partIds: readonly FileId[]): Promise<Upload>
  /**
   * Replaces the chunks that make up bytes `start` to `end` (exclusive) by others of the same total
   * size. The offset stays, so this may run while the upload advances. The replaced chunks can be
   * collected at once. Rejects `not_found`, `chunk_gone`, `invalid_request` if the sizes differ,
   * and `offset_conflict` if no chunk begins or ends at one of the two (any more), if the upload is
   * finished, was concatenated from others, or is part of a concatenated one.
   */
  compactUpload(id: FileId, start: number, end: number, chunks: readonly ChunkUse[]): Promise<void>
  /**
   * Turns uploads into files, all or none, in time that does not depend on their sizes. Rejects
   * `not_found`, `precondition_failed`, `offset_conflict` if one is incomplete or already finished,
   * and `invalid_request` if one is partial.
   */
  finishUploads(uploads: readonly FinishedUpload[]): Promise<readonly CommittedFile[]>
  /** Notes that a precondition kept the upload, if it still exists, from becoming a file. */
  markPreconditionFailed(id: FileId): Promise<void>
  /**
   * Deletes the upload; its chunks can be collected at once. A finished one is only forgotten: its
   * file stays. Resolves with whether it existed. With `expiredBefore`, only if it expired before
   * that time: a client may have continued it since it was listed.
   */
  deleteUpload(id: FileId, expiredBefore?: number): Promise<boolean>
  /** Unfinished uploads by id, and so by age. */
  listUploads(space: Space, limit: number, after?: FileId): Promise<readonly Upload[]>
  /** Unfinished and finished uploads of every space, the longest expired first. */
  listExpiredUploads(expiredBefore: number, limit: number): Promise<readonly Upload[]>

  /**
   * Forgets some of the chunks that nothing uses any more, and resolves with whether there are
   * more. Their locations become garbage in the same transaction.
   */
  collectChunks(query: CollectQuery): Promise<{ readonly hasMore: boolean }>
  /**
   * Makes locations that the catalog does not know garbage, found at that time, and resolves with
   * them. Until it is forgotten, a chunk can still claim one.
   */
  markOrphans(orphans: readonly Garbage[], at: number): Promise<readonly Garbage[]>
  /**
   * Locations whose bytes may be deleted because no chunk has them any more, the oldest first;
   * orphans only if they were found before that time.
   */
  listGarbage(limit: number, foundBefore?: number): Promise<readonly Garbage[]>
  /** Call it once the bytes at these locations are deleted. */
  forgetGarbage(locations: readonly Location[]): Promise<void>

  close(): Promise<void>
}
