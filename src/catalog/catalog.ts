import type { FileChunk, Location, PackedChunks } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'
import type { FileId, FileName, FileRef, Metadata, Owner, StoredFile } from '../model/file.ts'
import type { StoreBinding } from '../model/store-identity.ts'
import type { Upload } from '../model/upload.ts'
import type { CatalogChecks, CatalogSurvey, Garbage } from './upkeep.ts'

/**
 * A chunk that a file or an upload is to use, in order and without gaps. With a location it was just stored
 * there; without one it is believed present (`findChunk`) and is used where it already is. Where the same chunk
 * turns out to be present already, the given location becomes garbage instead, in the same transaction.
 */
export interface ChunkUse {
  readonly digest: Digest
  readonly size: number
  readonly blockDigests: Uint8Array
  readonly location?: Location
  /** The present chunk is damaged: the new location takes the place of this one. */
  readonly mends?: Location
}

/** What must hold of the current file behind the name, or nothing happens (RFC 9110, 13.1). */
export interface Precondition {
  /** Some file is there (`*`), or the current one has one of these digests. */
  readonly ifMatch?: '*' | readonly string[]
  /** No file is there (`*`), or the current one has none of these digests. */
  readonly ifNoneMatch?: '*' | readonly string[]
  /** The current file, if there is one, was not modified after the second that begins then. Milliseconds since 1970. */
  readonly ifUnmodifiedSince?: number
}

/** Where the record of a file is kept: what the chunk store's side knows of it without a catalog. */
export interface RecordPlace {
  /** The time that the record has for the change; the catalog takes it for its own. Milliseconds since 1970. */
  readonly at: number
  /** When the file was created, if that was not then: in another store. */
  readonly createdAt?: number
  /** Of its pages, in order. None is ever used again. */
  readonly locations: readonly Location[]
}

export interface NewFile {
  readonly id: FileId
  readonly owner: Owner
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  readonly digest: Digest
  readonly chunks: readonly ChunkUse[]
  readonly precondition?: Precondition
  readonly record?: RecordPlace
}

export interface NewUpload {
  readonly id: FileId
  readonly owner: Owner
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  readonly size?: number
  /** True if it is there to be joined and never becomes a file by itself. */
  readonly isPartial?: boolean
  /** What the protocol that makes it has to repeat; kept as given. */
  readonly announced?: string
  readonly expiresAt: number
}

export interface FinishedUpload {
  readonly id: FileId
  readonly digest: Digest
  /** Bytes that the digest was taken of. Rejects `corrupt` if the upload has more or fewer. */
  readonly size?: number
  readonly precondition?: Precondition
  /** The upload can still be found, as finished, until it expires or is deleted; without this it is gone at once. */
  readonly isRemembered?: boolean
  readonly record?: RecordPlace
}

/** A file that now stands behind its name, and whether another one stood there before. */
export interface CommittedFile {
  readonly file: StoredFile
  readonly hasReplaced: boolean
  /** Where records were kept of what it has replaced. They are garbage now, until `forgetRecords`. */
  readonly ended: readonly Location[]
}

/** The first page of a record, which has what can be changed, is kept elsewhere from now on. */
export interface RecordMove {
  readonly at: number
  /** Absent if the file had no record. */
  readonly from: Location | undefined
  readonly to: Location
}

export interface FileChanges {
  readonly name?: FileName
  readonly mediaType?: string
  /** Takes the place of all metadata that was there. */
  readonly metadata?: Metadata
}

export interface ListQuery {
  readonly owner: Owner
  readonly prefix: string
  /** Names that contain it behind the prefix are folded into one entry that ends with its first occurrence. */
  readonly delimiter?: string
  /** Only names that contain this, whatever their letter case and normal form (`foldText`). */
  readonly q?: string
  /** At most this many files and prefixes together, at least 1. */
  readonly limit: number
  /** The last name or prefix of the page before. */
  readonly after?: string
}

export interface FilePage {
  readonly files: readonly StoredFile[]
  readonly prefixes: readonly string[]
  /** Pass as `after` for the next page; absent on the last. */
  readonly next?: string
}

export interface CollectQuery {
  /** Only what was let go before this time (milliseconds since 1970). */
  readonly letGoBefore: number
  /** Files that are being downloaded: their chunks stay, whoever let them go. */
  readonly inUse: readonly FileId[]
  /** Chunk uses to look at in one call, at least 1, which bounds the transaction. */
  readonly limit: number
}

/**
 * Knows files, names, uploads and which chunks they use. Each method is one transaction; each that changes
 * something resolves once the change would survive a power cut. Names sort by their UTF-8 bytes. Every method
 * rejects `unavailable` where the database cannot be used, and `no_space` where it cannot grow.
 */
export interface Catalog extends CatalogSurvey, CatalogChecks {
  /**
   * Binds the catalog to a store unless it is bound already, and confirms the binding if it is to the same
   * one. Resolves with the binding that holds now.
   */
  bindStore(binding: StoreBinding): Promise<StoreBinding>
  /** `countCommits`, and no crash takes it back. May be a change itself. */
  countDurableCommits(): Promise<number>
  /**
   * Creates a whole file and puts it behind its name; what stood there is let go. Rejects `chunk_gone` if a
   * chunk believed present is not, `precondition_failed`. Nothing has happened then.
   */
  createFile(file: NewFile): Promise<CommittedFile>
  findFile(owner: Owner, ref: FileRef): Promise<StoredFile | undefined>
  /** A search (`q`) that is aborted ends soon and rejects with the signal's reason. */
  listFiles(query: ListQuery, options?: { readonly signal?: AbortSignal }): Promise<FilePage>
  /**
   * Rejects `not_found`, `precondition_failed`, `name_taken` if another file has the new name, and `record_moved` if the record
   * is not where it is to be moved from: somebody else has changed the file meanwhile.
   */
  updateFile(
    owner: Owner,
    ref: FileRef,
    changes: FileChanges,
    precondition?: Precondition,
    move?: RecordMove,
  ): Promise<StoredFile>
  /**
   * Lets the file go: nobody can find it, its chunks stay until they are collected. Resolves with where its record was kept, which
   * is garbage now, until `forgetRecords`. Rejects `not_found`, `precondition_failed`.
   */
  deleteFile(owner: Owner, ref: FileRef, precondition?: Precondition): Promise<readonly Location[]>
  /** Where the record of a file is kept, its pages in order. */
  listRecords(id: FileId): Promise<readonly Location[]>
  /**
   * Keeps the manifest of a file at other locations from now on; the old ones are garbage, until `forgetRecords`. Rejects
   * `record_moved` if it is not at the locations `from`, or the file is gone: somebody else has changed the file.
   */
  replaceRecords(id: FileId, from: readonly Location[], to: readonly Location[]): Promise<void>
  /** Where records were kept that are garbage now, adopted ones only if they were found before. */
  listEndedRecords(limit: number, foundBefore?: number): Promise<readonly Location[]>
  /**
   * Makes garbage, found at that time, of those that the catalog has never heard of, and resolves with them. A file that comes with one after
   * all has it, until it is forgotten.
   */
  adoptRecords(locations: readonly Location[], at: number): Promise<readonly Location[]>
  /** The records at these locations are deleted. */
  forgetRecords(locations: readonly Location[]): Promise<void>

  /** Chunks of a file or an upload, in order: the one that holds byte `from` and those behind it, at most `limit`. Also of a file that was let go but not collected. */
  listChunks(id: FileId, from: number, limit: number): Promise<readonly FileChunk[]>
  /** The same, where many are needed at once and where they are kept is not. */
  packChunks(id: FileId, from: number, limit: number): Promise<PackedChunks>

  createUpload(upload: NewUpload): Promise<Upload>
  /** Also one that is finished, while it is remembered. */
  findUpload(owner: Owner, id: FileId): Promise<Upload | undefined>
  /**
   * Says how long the file will be; saying the same again changes nothing. Rejects `not_found`, `offset_conflict` if
   * another size was said before or the upload is finished, and `too_large` if the offset is past it already.
   */
  declareUploadSize(id: FileId, size: number): Promise<void>
  /**
   * Appends chunks, moves the offset and puts off expiry, if the offset is still `from` (compare-and-set). Resolves with the new offset.
   * Rejects `not_found`, `offset_conflict` (also of a finished upload), `chunk_gone`, and `too_large` past the upload's size.
   */
  advanceUpload(id: FileId, from: number, chunks: readonly ChunkUse[], expiresAt: number): Promise<number>
  /**
   * Appends all that the upload `sourceId` has by now, as `advanceUpload` appends chunks, with the same rejections; `not_found` and
   * `offset_conflict` also of the source, `invalid_request` if that is the upload itself, or was joined of others or with others. The source is gone
   * then, and its chunks are those of `id`. So bytes that must be checked first are received on the side and taken over whole.
   */
  appendUpload(id: FileId, from: number, sourceId: FileId, expiresAt: number): Promise<number>
  /**
   * Creates an upload that has the chunks of the parts, in this order, in time that does not depend on their sizes; its offset and its size are the sum of theirs.
   * A part may come several times. The parts stay as they are, and what becomes of them later does not matter to the upload.
   * Rejects `not_found` if one is not there, and `invalid_request` if one is not partial, not at its size,
   * or of another owner, or if the upload was given a size that is not the sum.
   */
  joinUploads(upload: NewUpload, partIds: readonly FileId[]): Promise<Upload>
  /**
   * Replaces the chunks that make up bytes `start` to `end` (exclusive) by others of the same total size. The offset stays,
   * so it may run beside whatever advances the upload; what is replaced can be collected at once. Rejects `not_found`,
   * `offset_conflict` if a chunk does not begin or end at one of the two (any longer), the upload is finished, or it was joined of others or with others,
   * `chunk_gone`, and `invalid_request` if the sizes differ.
   */
  recutUpload(id: FileId, start: number, end: number, chunks: readonly ChunkUse[]): Promise<void>
  /**
   * Turns uploads into files, all or none, in time that does not depend on their sizes. Rejects `not_found`,
   * `precondition_failed`, `offset_conflict` if one is not at its size yet or is finished already, and
   * `invalid_request` if one is partial.
   */
  finishUploads(uploads: readonly FinishedUpload[]): Promise<readonly CommittedFile[]>
  /** A precondition kept the upload from becoming a file: takes that down, if the upload is still there. */
  declineUpload(id: FileId): Promise<void>
  /**
   * Lets the upload go; its chunks can be collected at once. A finished one is only forgotten: the file that it has become
   * stays. Resolves with whether it was there. With `expiredBefore` only if it has expired by then: somebody may
   * have continued it since it was listed.
   */
  deleteUpload(id: FileId, expiredBefore?: number): Promise<boolean>
  /** Unfinished uploads by id, which is by age. */
  listUploads(owner: Owner, limit: number, after?: FileId): Promise<readonly Upload[]>
  /** Unfinished and finished ones, of every owner, the longest expired first. */
  listExpiredUploads(expiredBefore: number, limit: number): Promise<readonly Upload[]>

  /**
   * Forgets chunks that nothing uses any more, a bounded step at a time, and resolves with whether there is more to
   * do. Their locations become garbage in the same transaction.
   */
  collectChunks(query: CollectQuery): Promise<{ readonly hasMore: boolean }>
  /**
   * Makes garbage, found at that time, of those that neither a chunk nor garbage has, and resolves with them. Whoever makes one
   * known to the catalog after all has it, until it is forgotten.
   */
  adoptOrphans(orphans: readonly Garbage[], at: number): Promise<readonly Garbage[]>
  /** Locations that no chunk has any more and whose bytes may be deleted, orphans only if they were found before, the oldest first. */
  listGarbage(limit: number, foundBefore?: number): Promise<readonly Garbage[]>
  /** The bytes at these locations are deleted. */
  forgetGarbage(locations: readonly Location[]): Promise<void>

  close(): Promise<void>
}
