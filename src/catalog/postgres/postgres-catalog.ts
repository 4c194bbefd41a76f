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
import type {
  CheckedChunk,
  CheckedList,
  ChunkPosition,
  ChunkCheck,
  Collectable,
  CollectableQuery,
  DueQuery,
  Garbage,
  Holder,
  ListedManifest,
} from '../upkeep.ts'
import * as boundStore from './bound-store.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { inSteps } from '../search-files.ts'
import * as checks from './checks.ts'
import * as commits from './commits.ts'
import * as chunkLists from './chunk-lists.ts'
import { findChunk } from './chunks.ts'
import { verify } from './verify.ts'
import { collectChunks } from './collect-chunks.ts'
import { countCollectable } from './count-collectable.ts'
import { findFile } from './file-rows.ts'
import * as files from './files.ts'
import { finishUploads } from './finish-uploads.ts'
import * as garbage from './garbage.ts'
import { listManifests } from './list-manifests.ts'
import { joinUploads } from './join-uploads.ts'
import { PostgresPresence } from './presence.ts'
import * as records from './records.ts'
import { recutUpload } from './recut-upload.ts'
import * as restore from './restore.ts'
import * as survey from './survey.ts'
import type { Transactions } from './transactions.ts'
import * as uploads from './uploads.ts'

/** The catalog in a PostgreSQL database, for any number of processes. */
export class PostgresCatalog implements Catalog, CatalogRestore {
  /** This process among those that use the catalog. */
  readonly presence: PostgresPresence

  readonly #transactions: Transactions
  readonly #now: () => number
  #closing: Promise<void> | undefined

  /** Of a database that has the tables. It is closed with the catalog. */
  constructor(transactions: Transactions, now: () => number = Date.now) {
    this.presence = new PostgresPresence(transactions, now)
    this.#transactions = transactions
    this.#now = now
  }

  findBinding(): Promise<StoreBinding | undefined> {
    return this.#transactions.read(boundStore.findBinding)
  }

  bindStore(binding: StoreBinding): Promise<StoreBinding> {
    return this.#transactions.change((db) => boundStore.bindStore(db, binding))
  }

  createFile(file: NewFile): Promise<CommittedFile> {
    const now = this.#now()
    return this.#transactions.change((db) => files.createFile(db, file, now))
  }

  findFile(owner: Owner, ref: FileRef): Promise<StoredFile | undefined> {
    return this.#transactions.read((db) => findFile(db, owner, ref))
  }

  async listFiles(query: ListQuery, options: { readonly signal?: AbortSignal } = {}): Promise<FilePage> {
    const { owner, q } = query
    if (files.hasNull(query)) return { files: [], prefixes: [] }
    if (!q) return this.#transactions.readTogether((db) => files.listFiles(db, query))
    const step = (from: string, until: string | undefined, limit: number) =>
      this.#transactions.readTogether((db) => files.searchFiles(db, { owner, q, from, until, limit }))
    return pageOfFiles(query, inSteps(step, options.signal))
  }

  updateFile(...[owner, ref, changes, precondition, move]: Parameters<Catalog['updateFile']>) {
    const now = this.#now()
    return this.#transactions.change((db) =>
      files.updateFile(db, owner, ref, changes, precondition, move, now),
    )
  }

  deleteFile(owner: Owner, ref: FileRef, precondition?: Precondition): Promise<readonly Location[]> {
    const now = this.#now()
    return this.#transactions.change((db) => files.deleteFile(db, owner, ref, precondition, now))
  }

  listRecords(id: FileId): Promise<readonly Location[]> {
    return this.#transactions.read((db) => records.listRecords(db, id))
  }

  replaceRecords(id: FileId, from: readonly Location[], to: readonly Location[]): Promise<void> {
    return this.#transactions.change((db) => records.replaceRecords(db, id, from, to))
  }

  listEndedRecords(limit: number, foundBefore?: number): Promise<readonly Location[]> {
    return this.#transactions.read((db) => records.listEndedRecords(db, limit, foundBefore))
  }

  async adoptRecords(locations: readonly Location[], at: number): Promise<readonly Location[]> {
    // Most are known, and nobody has to wait for that to be seen.
    const unknown = await this.#transactions.read((db) => records.listUnknownRecords(db, locations))
    if (unknown.length === 0) return []
    return this.#transactions.changeAlone((db) => records.adoptRecords(db, unknown, at))
  }

  forgetRecords(locations: readonly Location[]): Promise<void> {
    return this.#transactions.change((db) => records.forgetRecords(db, locations))
  }

  async listChunks(id: FileId, from: number, limit: number): Promise<readonly FileChunk[]> {
    // What was joined has no chunks of its own, and few files were.
    const own = await this.#transactions.read((db) => chunkLists.listOwnChunks(db, id, from, limit))
    if (own.length > 0) return own
    return this.#transactions.readTogether((db) => chunkLists.listChunks(db, id, from, limit))
  }

  packChunks(id: FileId, from: number, limit: number): Promise<PackedChunks> {
    return this.#transactions.readTogether((db) => chunkLists.packChunks(db, id, from, limit))
  }

  findChunk(digest: Digest): Promise<Chunk | undefined> {
    return this.#transactions.read((db) => findChunk(db, digest))
  }

  createUpload(upload: NewUpload): Promise<Upload> {
    const now = this.#now()
    return this.#transactions.change((db) => uploads.createUpload(db, upload, now))
  }

  findUpload(owner: Owner, id: FileId): Promise<Upload | undefined> {
    return this.#transactions.read((db) => uploads.findUpload(db, owner, id))
  }

  declareUploadSize(id: FileId, size: number): Promise<void> {
    return this.#transactions.change((db) => uploads.declareUploadSize(db, id, size))
  }

  advanceUpload(id: FileId, from: number, chunks: readonly ChunkUse[], expiresAt: number): Promise<number> {
    return this.#transactions.change((db) => uploads.advanceUpload(db, id, from, chunks, expiresAt))
  }

  appendUpload(id: FileId, from: number, sourceId: FileId, expiresAt: number): Promise<number> {
    return this.#transactions.change((db) => uploads.appendUpload(db, id, from, sourceId, expiresAt))
  }

  joinUploads(upload: NewUpload, partIds: readonly FileId[]): Promise<Upload> {
    const now = this.#now()
    return this.#transactions.change((db) => joinUploads(db, upload, partIds, now))
  }

  recutUpload(id: FileId, start: number, end: number, chunks: readonly ChunkUse[]): Promise<void> {
    return this.#transactions.change((db) => recutUpload(db, id, start, end, chunks))
  }

  finishUploads(finished: readonly FinishedUpload[]): Promise<readonly CommittedFile[]> {
    const now = this.#now()
    return this.#transactions.change((db) => finishUploads(db, finished, now))
  }

  declineUpload(id: FileId): Promise<void> {
    return this.#transactions.change((db) => uploads.declineUpload(db, id))
  }

  deleteUpload(id: FileId, expiredBefore?: number): Promise<boolean> {
    return this.#transactions.change((db) => uploads.deleteUpload(db, id, expiredBefore))
  }

  listUploads(owner: Owner, limit: number, after?: FileId): Promise<readonly Upload[]> {
    return this.#transactions.read((db) => uploads.listUploads(db, owner, limit, after))
  }

  listExpiredUploads(expiredBefore: number, limit: number): Promise<readonly Upload[]> {
    return this.#transactions.read((db) => uploads.listExpiredUploads(db, expiredBefore, limit))
  }

  collectChunks(query: CollectQuery): Promise<{ readonly hasMore: boolean }> {
    return this.#transactions.change((db) => collectChunks(db, query))
  }

  async adoptOrphans(orphans: readonly Garbage[], at: number): Promise<readonly Garbage[]> {
    // Most are known, and nobody has to wait for that to be seen.
    const unknown = new Set(await this.listUnknown(orphans.map(({ location }) => location)))
    if (unknown.size === 0) return []
    const candidates = orphans.filter(({ location }) => unknown.has(location))
    return this.#transactions.changeAlone((db) => garbage.adoptOrphans(db, candidates, at))
  }

  listGarbage(limit: number, foundBefore?: number): Promise<readonly Garbage[]> {
    return this.#transactions.read((db) => garbage.listGarbage(db, limit, foundBefore))
  }

  forgetGarbage(locations: readonly Location[]): Promise<void> {
    return this.#transactions.change((db) => garbage.forgetGarbage(db, locations))
  }

  listAllChunks(after: ChunkPosition | undefined, limit: number): Promise<readonly Chunk[]> {
    return this.#transactions.read((db) => survey.listAllChunks(db, after, limit))
  }

  listHolders(digest: Digest, limit: number, after?: FileId): Promise<readonly Holder[]> {
    return this.#transactions.read((db) => survey.listHolders(db, digest, limit, after))
  }

  checkLists(after: FileId | undefined, limit: number): Promise<readonly CheckedList[]> {
    return this.#transactions.readTogether((db) => survey.checkLists(db, after, limit))
  }

  listManifests(after: FileId | undefined, limit: number): Promise<readonly ListedManifest[]> {
    return this.#transactions.readTogether((db) => listManifests(db, after, limit))
  }

  listUnknown(locations: readonly Location[]): Promise<readonly Location[]> {
    return this.#transactions.read((db) => garbage.listUnknown(db, locations))
  }

  countCommits(): Promise<number> {
    return this.#transactions.read(commits.countCommits)
  }

  countDurableCommits(): Promise<number> {
    return this.#transactions.change(commits.countDurableCommits)
  }

  countCommitsFrom(least: number): Promise<void> {
    return this.#transactions.alter((db) => commits.countCommitsFrom(db, least))
  }

  verify(): Promise<readonly string[]> {
    return this.#transactions.read((db) => verify(db))
  }

  countCollectable(query: CollectableQuery): Promise<Collectable> {
    return this.#transactions.readTogether((db) => countCollectable(db, query))
  }

  listDueChunks(query: DueQuery): Promise<readonly CheckedChunk[]> {
    return this.#transactions.readTogether((db) => checks.listDueChunks(db, query))
  }

  recordChecks(found: readonly ChunkCheck[], at: number): Promise<readonly ChunkCheck[]> {
    return this.#transactions.change((db) => checks.recordChecks(db, found, at))
  }

  countNotSound(): Promise<Readonly<Record<'damaged' | 'missing', number>>> {
    return this.#transactions.read((db) => checks.countNotSound(db))
  }

  addFound(chunks: readonly FoundChunk[]): Promise<void> {
    return this.#transactions.change((db) => restore.addFound(db, chunks))
  }

  listFound(digest: Digest): Promise<readonly FoundChunk[]> {
    return this.#transactions.read((db) => restore.listFound(db, digest))
  }

  restoreRecord(record: FoundRecord): Promise<void> {
    return this.#transactions.change((db) => restore.restoreRecord(db, record))
  }

  endRestore(): Promise<Restored> {
    return this.#transactions.change((db) => restore.endRestore(db))
  }

  /** Resolves when all calls before it are done and no connection is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // Who cannot say so is forgotten after a while.
    const left = this.presence.leave().catch(() => {})
    await this.#transactions.close()
    await left
  }
}
