import { defer, lastValueFrom, of, toArray, type Observable } from 'rxjs'
import { packed, type FileChunk } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { FileHasher } from '../../model/hashers.ts'
import { StoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import { batchMap } from '../../rx/batch-map.ts'
import { readAhead } from '../../rx/read-ahead.ts'
import { deleteUpload } from '../resume/finish-upload.ts'
import type { Storage } from '../state/file-store.ts'
import {
  chunksPerManifest,
  createWithManifest,
  finishWithManifests,
  putManifest,
  type ManifestFile,
} from '../manifests/keep-manifests.ts'
import type { Migration } from './migration.ts'
import { PendingParts, type StoredPart } from '../upload/pending-parts.ts'
import { newExpiry } from '../upload/receive-into-upload.ts'

/** Copies one file from another store. */
export class FileCopy {
  readonly #migration: Migration
  readonly #file: StoredFile
  readonly #pending: PendingParts
  /** What must have ended before this is over. */
  readonly #running = new Set<Promise<unknown>>()

  constructor(migration: Migration, file: StoredFile) {
    this.#migration = migration
    this.#file = file
    this.#pending = new PendingParts(migration.store)
  }

  /** Creates the file of all chunks, in one transaction. */
  async create(chunks: readonly FileChunk[]): Promise<void> {
    const hasher = new FileHasher()
    for (const { digest } of chunks) hasher.add(digest)
    if (hasher.digest() !== this.#file.digest) throw unlike()
    const { store } = this.#migration
    const parts = await lastValueFrom(this.#copied(chunks).pipe(toArray()))
    const putAnew = () => putManifest(store, this.#file, [packed(chunks)])
    // If this fails, the catalog was not asked, and the parts must still be deleted.
    let recorded: ManifestFile | undefined = await putAnew()
    await this.#pending.handOver(parts, async (uses) => {
      // Called again if a chunk is gone: the first attempt took the manifest with it.
      const current = recorded ?? (await putAnew())
      recorded = undefined
      return createWithManifest(store, current, uses, undefined)
    })
  }

  /** Appends the chunks that the upload does not have yet, and turns it into the file. */
  async append(begun: Upload | undefined, chunks: AsyncIterable<FileChunk>): Promise<void> {
    const { store, onBytes } = this.#migration
    const { catalog } = store
    const { id } = this.#file
    let offset = begun?.offset ?? 0
    onBytes(offset)
    if (!begun) await catalog.createUpload({ ...this.#file, expiresAt: newExpiry(store) })
    const advance = async (parts: readonly StoredPart[]) => {
      if (parts.length === 0) return
      const from = offset
      offset = await this.#pending.handOver(parts, (uses) =>
        catalog.advanceUpload(id, from, uses, newExpiry(store)),
      )
    }
    const advancing = batchMap(
      () => true,
      (parts: readonly StoredPart[]) => this.#track(advance(parts)),
    )
    await lastValueFrom(this.#copied(chunks).pipe(advancing), { defaultValue: undefined })
    if ((await digestOf(store, this.#file)) !== this.#file.digest) {
      await deleteUpload(store, id)
      throw unlike()
    }
    await finishWithManifests(store, [{ file: this.#file }])
  }

  /**
   * Resolves when nothing goes on any more, and deletes chunks that no file or upload took over.
   */
  async end(): Promise<void> {
    await Promise.allSettled(this.#running)
    this.#pending.abandon()
  }

  #copied(chunks: Iterable<FileChunk> | AsyncIterable<FileChunk>): Observable<StoredPart> {
    const { store, copier } = this.#migration
    const limited = copier.copying.queue()
    const copy = (chunk: FileChunk, index: number) =>
      limited(defer(() => this.#track(this.#copy(chunk, index))))
    return readAhead(chunks, store.options.maxUploadConcurrency, copy, of)
  }

  async #copy(chunk: FileChunk, index: number): Promise<StoredPart> {
    const { copier, onBytes } = this.#migration
    const part = await copier.copy(chunk, index)
    this.#pending.add(part)
    onBytes(chunk.size)
    return part
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
    return tracked
  }
}

function unlike(): StoreError {
  return new StoreError('corrupt', 'Its digest does not fit its chunks.')
}

/** The file digest of the chunks that the upload has in the catalog. */
async function digestOf({ catalog }: Pick<Storage, 'catalog'>, { id }: StoredFile): Promise<Digest> {
  const hasher = new FileHasher()
  for (let at = 0; ;) {
    const { digests, sizes } = await catalog.packChunks(id, at, chunksPerManifest)
    hasher.addAll(digests)
    if (sizes.length < chunksPerManifest) return hasher.digest()
    at += sizes.reduce((sum, size) => sum + size, 0)
  }
}
