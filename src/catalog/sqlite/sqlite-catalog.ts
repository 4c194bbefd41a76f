import { randomUUIDv7 } from 'node:crypto'
import type { Chunk, FileChunk, Location, PackedChunks } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import type { FileId, FileRef, Owner, StoredFile } from '../../model/file.ts'
import type { StoreBinding } from '../../model/store-identity.ts'
import type { Upload } from '../../model/upload.ts'
import type {
  Catalog,
  ChunkUse,
  CollectQuery,
  CommittedFile,
  FilePage,
  FinishedUpload,
  ListQuery,
  NewFile,
  NewUpload,
  Precondition,
} from '../catalog.ts'
import type { CatalogRestore, FoundChunk, FoundRecord, Restored } from '../catalog-restore.ts'
import type * as upkeep from '../upkeep.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { inSteps } from '../search-files.ts'
import { DatabaseThread } from './database-thread.ts'
import { compact, type SqliteCatalogOptions } from './messages.ts'
import { verifyDatabase } from './verify-database.ts'
import type { Reads, Writes } from './methods.ts'
import { SearchThread } from './search-thread.ts'

/**
 * The catalog in one SQLite database, for one process. SQLite runs on threads, one that writes, one that
 * reads and one that searches, so no sync stalls the event loop, and no search the reads. Changes that
 * arrive while one is being synced share the next sync.
 */
export class SqliteCatalog implements Catalog, CatalogRestore {
  readonly #writer: DatabaseThread<Writes>
  readonly #reader: DatabaseThread<Reads>
  readonly #searches: SearchThread
  readonly #now: () => number
  readonly #death = Promise.withResolvers<void>()
  readonly #path: string
  #closing: Promise<void> | undefined

  private constructor(path: string, { now = Date.now, ...checks }: SqliteCatalogOptions) {
    this.#path = path
    this.#writer = new DatabaseThread<Writes>({ role: 'writer', path, ...checks })
    this.#reader = new DatabaseThread<Reads>({ role: 'reader', path })
    this.#searches = new SearchThread(path)
    this.#now = now
  }

  /**
   * Creates the database if it is not there, in a directory that is. Rejects `unavailable` if another process has it
   * open, if a newer Ashlar has written it, or if it cannot be used; `corrupt` if it is damaged or has lost changes.
   */
  static async open(path: string, options: SqliteCatalogOptions = {}): Promise<SqliteCatalog> {
    const catalog = new SqliteCatalog(path, options)
    try {
      await catalog.#writer.open()
      await catalog.#reader.open()
      void catalog.#endTogether()
      return catalog
    } catch (error) {
      await catalog.#terminate()
      throw error
    }
  }

  /** Resolves if a thread ends that nobody told to: every call rejects from then on, and only a restart helps. */
  get death(): Promise<void> {
    return this.#death.promise
  }

  /** Transactions committed so far; fewer than changes where these came together. */
  get committed(): number {
    return this.#writer.committed
  }

  findBinding(): Promise<StoreBinding | undefined> {
    return this.#reader.call('findBinding')
  }

  bindStore(binding: StoreBinding): Promise<StoreBinding> {
    return this.#writer.call('bindStore', binding)
  }

  createFile(file: NewFile): Promise<CommittedFile> {
    return this.#writer.call('createFile', { ...file, chunks: file.chunks.map(compact) }, this.#now())
  }

  findFile(owner: Owner, ref: FileRef): Promise<StoredFile | undefined> {
    return this.#reader.call('findFile', owner, ref)
  }

  listFiles(query: ListQuery, options: { readonly signal?: AbortSignal } = {}): Promise<FilePage> {
    const { owner, q } = query
    if (!q) return this.#reader.call('listFiles', query)
    const step = (from: string, until: string | undefined, limit: number) =>
      this.#searches.search({ owner, q, from, until, limit })
    return pageOfFiles(query, inSteps(step, options.signal))
  }

  updateFile(...[owner, ref, changes, precondition, move]: Parameters<Catalog['updateFile']>) {
    return this.#writer.call('updateFile', owner, ref, changes, precondition, move, this.#now())
  }

  deleteFile(owner: Owner, ref: FileRef, precondition?: Precondition): Promise<readonly Location[]> {
    return this.#writer.call('deleteFile', owner, ref, precondition, this.#now())
  }

  listRecords(id: FileId): Promise<readonly Location[]> {
    return this.#reader.call('listRecords', id)
  }

  replaceRecords(id: FileId, from: readonly Location[], to: readonly Location[]): Promise<void> {
    return this.#writer.call('replaceRecords', id, from, to)
  }

  listEndedRecords(limit: number, foundBefore?: number): Promise<readonly Location[]> {
    return this.#reader.call('listEndedRecords', limit, foundBefore)
  }

  adoptRecords(locations: readonly Location[], at: number): Promise<readonly Location[]> {
    return this.#writer.call('adoptRecords', locations, at)
  }

  forgetRecords(locations: readonly Location[]): Promise<void> {
    return this.#writer.call('forgetRecords', locations)
  }

  listChunks(id: FileId, from: number, limit: number): Promise<readonly FileChunk[]> {
    return this.#reader.call('listChunks', id, from, limit)
  }

  packChunks(id: FileId, from: number, limit: number): Promise<PackedChunks> {
    return this.#reader.call('packChunks', id, from, limit)
  }

  findChunk(digest: Digest): Promise<Chunk | undefined> {
    return this.#reader.call('findChunk', digest)
  }

  createUpload(upload: NewUpload): Promise<Upload> {
    return this.#writer.call('createUpload', upload, this.#now())
  }

  findUpload(owner: Owner, id: FileId): Promise<Upload | undefined> {
    return this.#reader.call('findUpload', owner, id)
  }

  declareUploadSize(id: FileId, size: number): Promise<void> {
    return this.#writer.call('declareUploadSize', id, size)
  }

  advanceUpload(id: FileId, from: number, chunks: readonly ChunkUse[], expiresAt: number): Promise<number> {
    return this.#writer.call('advanceUpload', id, from, chunks.map(compact), expiresAt)
  }

  appendUpload(id: FileId, from: number, sourceId: FileId, expiresAt: number): Promise<number> {
    return this.#writer.call('appendUpload', id, from, sourceId, expiresAt)
  }

  joinUploads(upload: NewUpload, partIds: readonly FileId[]): Promise<Upload> {
    return this.#writer.call('joinUploads', upload, partIds, this.#now())
  }

  recutUpload(id: FileId, start: number, end: number, chunks: readonly ChunkUse[]): Promise<void> {
    return this.#writer.call('recutUpload', id, start, end, chunks.map(compact), randomUUIDv7() as FileId)
  }

  finishUploads(uploads: readonly FinishedUpload[]): Promise<readonly CommittedFile[]> {
    return this.#writer.call('finishUploads', uploads, this.#now())
  }

  declineUpload(id: FileId): Promise<void> {
    return this.#writer.call('declineUpload', id)
  }

  deleteUpload(id: FileId, expiredBefore?: number): Promise<boolean> {
    return this.#writer.call('deleteUpload', id, expiredBefore)
  }

  listUploads(owner: Owner, limit: number, after?: FileId): Promise<readonly Upload[]> {
    return this.#reader.call('listUploads', owner, limit, after)
  }

  listExpiredUploads(expiredBefore: number, limit: number): Promise<readonly Upload[]> {
    return this.#reader.call('listExpiredUploads', expiredBefore, limit)
  }

  collectChunks(query: CollectQuery): Promise<{ readonly hasMore: boolean }> {
    return this.#writer.call('collectChunks', query)
  }

  adoptOrphans(orphans: readonly upkeep.Garbage[], at: number): Promise<readonly upkeep.Garbage[]> {
    return this.#writer.call('adoptOrphans', orphans, at)
  }

  listGarbage(limit: number, foundBefore?: number): Promise<readonly upkeep.Garbage[]> {
    return this.#reader.call('listGarbage', limit, foundBefore)
  }

  forgetGarbage(locations: readonly Location[]): Promise<void> {
    return this.#writer.call('forgetGarbage', locations)
  }

  listAllChunks(after: upkeep.ChunkPosition | undefined, limit: number): Promise<readonly Chunk[]> {
    return this.#reader.call('listAllChunks', after, limit)
  }

  listHolders(digest: Digest, limit: number, after?: FileId): Promise<readonly upkeep.Holder[]> {
    return this.#reader.call('listHolders', digest, limit, after)
  }

  checkLists(after: FileId | undefined, limit: number): Promise<readonly upkeep.CheckedList[]> {
    return this.#reader.call('checkLists', after, limit)
  }

  listManifests(after: FileId | undefined, limit: number): Promise<readonly upkeep.ListedManifest[]> {
    return this.#reader.call('listManifests', after, limit)
  }

  listUnknown(locations: readonly Location[]): Promise<readonly Location[]> {
    return this.#reader.call('listUnknown', locations)
  }

  verify(): Promise<readonly string[]> {
    return verifyDatabase(this.#path, () => this.#reader.call('verify'))
  }

  countCommits(): Promise<number> {
    return this.#reader.call('countCommits')
  }

  countDurableCommits(): Promise<number> {
    return this.countCommits()
  }

  countCollectable(query: upkeep.CollectableQuery): Promise<upkeep.Collectable> {
    return this.#reader.call('countCollectable', query)
  }

  listDueChunks(query: upkeep.DueQuery): Promise<readonly upkeep.CheckedChunk[]> {
    return this.#reader.call('listDueChunks', query)
  }

  recordChecks(checks: readonly upkeep.ChunkCheck[], at: number): Promise<readonly upkeep.ChunkCheck[]> {
    return this.#writer.call('recordChecks', checks, at)
  }

  countNotSound(): Promise<Readonly<Record<'damaged' | 'missing', number>>> {
    return this.#reader.call('countNotSound')
  }

  addFound(chunks: readonly FoundChunk[]): Promise<void> {
    return this.#writer.call('addFound', chunks)
  }

  listFound(digest: Digest): Promise<readonly FoundChunk[]> {
    return this.#reader.call('listFound', digest)
  }

  restoreRecord(record: FoundRecord): Promise<void> {
    return this.#writer.call('restoreRecord', { ...record, chunks: record.chunks.map(compact) })
  }

  countCommitsFrom(least: number): Promise<void> {
    return this.#writer.call('countCommitsFrom', least)
  }

  endRestore(): Promise<Restored> {
    return this.#writer.call('endRestore')
  }

  /** Resolves when all calls before it are done, everything is in the one file, and another process may open it. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const finished = this.#writer.finish()
    // While a reader is there, the writer cannot bring everything into the one file.
    await this.#reader.close()
    await this.#searches.close()
    await finished
    await this.#writer.close()
  }

  /** Half a catalog is none: if one thread dies, so does the other. */
  async #endTogether(): Promise<void> {
    await Promise.race([this.#writer.exited, this.#reader.exited])
    if (this.#closing) return
    await this.#terminate()
    this.#death.resolve()
  }

  async #terminate(): Promise<void> {
    await Promise.all([this.#writer.terminate(), this.#reader.terminate(), this.#searches.terminate()])
  }
}
