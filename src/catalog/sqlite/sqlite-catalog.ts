import { statSync } from 'node:fs'
import type { FileId } from '../../model/file.ts'
import type { ChunkUse, CommittedFile, NewFile } from '../catalog.ts'
import type { RestoredManifest } from '../catalog-restore.ts'
import { InvokedCatalog, isRead } from '../sql/method-table.ts'
import { DatabaseThread } from './database-thread.ts'
import { compact, type SqliteCatalogOptions } from './messages.ts'
import { SearchThread } from './search-thread.ts'
import { toFaults, verifyApart } from './sqlite-inspection.ts'

/**
 * Checked between other reads: this takes a few milliseconds, and to start a thread takes longer.
 */
const mostBytesBesideOthers = 4 * 1024 * 1024

/**
 * The catalog in one SQLite database, for one process. SQLite runs on threads, one that writes, one
 * that reads and one that searches, so no sync stalls the event loop, and no search the reads.
 * Changes that arrive while one is being synced share the next sync.
 */
export class SqliteCatalog extends InvokedCatalog {
  readonly #writer: DatabaseThread
  readonly #reader: DatabaseThread
  readonly #searches: SearchThread
  readonly #death = Promise.withResolvers<void>()
  readonly #path: string
  #closing: Promise<void> | undefined

  private constructor(path: string, { now = Date.now, ...checks }: SqliteCatalogOptions) {
    const writer = new DatabaseThread({ role: 'writer', path, ...checks })
    const reader = new DatabaseThread({ role: 'reader', path })
    const searches = new SearchThread(path)
    super((name, args) => {
      if (name === 'searchFiles') return searches.call(name, args)
      return isRead(name) ? reader.call(name, args) : writer.call(name, args, now())
    })
    this.#path = path
    this.#writer = writer
    this.#reader = reader
    this.#searches = searches
  }

  /**
   * Creates the database if it is not there, in a directory that is. Rejects `unavailable` if
   * another process has it open, if a newer Ashlar has written it, or if it cannot be used;
   * `corrupt` if it is damaged or has lost changes.
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

  /** Resolves if a thread ends unexpectedly: every later call rejects, and only a restart helps. */
  get death(): Promise<void> {
    return this.#death.promise
  }

  /** Transactions committed so far; concurrent changes share one. */
  get committed(): number {
    return this.#writer.committed
  }

  override createFile(file: NewFile): Promise<CommittedFile> {
    return super.createFile({ ...file, chunks: file.chunks.map(compact) })
  }

  override advanceUpload(id: FileId, from: number, chunks: readonly ChunkUse[], expiresAt: number) {
    return super.advanceUpload(id, from, chunks.map(compact), expiresAt)
  }

  override compactUpload(id: FileId, start: number, end: number, chunks: readonly ChunkUse[]) {
    return super.compactUpload(id, start, end, chunks.map(compact))
  }

  override restoreManifest(manifest: RestoredManifest): Promise<void> {
    return super.restoreManifest({ ...manifest, chunks: manifest.chunks.map(compact) })
  }

  override countDurableCommits(): Promise<number> {
    return this.countCommits()
  }

  override async verify(): Promise<readonly string[]> {
    const isSmall = statSync(this.#path).size <= mostBytesBesideOthers
    return (isSmall ? super.verify() : verifyApart(this.#path)).catch(toFaults)
  }

  /** Resolves when earlier calls are done, all is in one file, and other processes may open it. */
  override close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const finished = this.#writer.finish()
    // The writer cannot move the whole log into the database while a reader has it open.
    await this.#reader.close()
    await this.#searches.close()
    await finished
    await this.#writer.close()
  }

  /** If one thread dies, so does the other. */
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
