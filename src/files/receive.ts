import { randomUUIDv7 } from 'node:crypto'
import type { Readable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import type { CommittedFile, Precondition } from '../catalog/catalog.ts'
import { soleOwner, type FileId, type FileName, type Metadata } from '../model/file.ts'
import { batchMap } from '../rx/batch-map.ts'
import { checkCurrentFile } from './check-current-file.ts'
import type { FileStore } from './file-store.ts'
import { createWithRecord, type DescribedFile, type FinishingUpload } from './keep-records.ts'
import { PendingParts, type StoredPart } from './pending-parts.ts'
import { refuseWithoutSpace } from './refuse-without-space.ts'
import { storeChunks, tooLarge, type ByteObserver } from './store-chunks.ts'

/** Something that the client said of the body, such as a digest. */
export interface BodyCheck extends ByteObserver {
  /** Called after the last byte. Throws if it does not hold. */
  verify(): void
}

export interface UploadRequest {
  readonly name: FileName
  readonly mediaType: string
  readonly metadata?: Metadata
  /** Bytes, if the client said so. */
  readonly size?: number
  readonly precondition?: Precondition
  readonly checks?: readonly BodyCheck[]
}

/** As many chunks go to the catalog in one transaction; a file of no more is created in a single one. */
const partsPerCommit = 64

/**
 * Receives a body into a draft; `finish` makes of it what the caller wants once the last parts are there and every check
 * holds, and from then on the draft is the caller's to close. The body is asked for when nothing that is known before
 * it speaks against it. Whatever goes wrong, the draft is gone and closed afterwards. Rejects what `storeChunks` errors with, what a check throws, `precondition_failed`, and
 * what the catalog rejects.
 */
export async function receive<T>(
  store: FileStore,
  openBody: () => Readable,
  request: UploadRequest,
  finish: (draft: Draft, parts: readonly StoredPart[]) => Promise<T>,
): Promise<T> {
  await refuseEarly(store, request)
  const pending = new PendingParts(store)
  const draft = new Draft(store, request, pending)
  const checks = request.checks ?? []
  const work = async (parts: readonly StoredPart[], isLast: boolean): Promise<T | undefined> => {
    if (!isLast) return draft.advance(parts)
    for (const check of checks) check.verify()
    return finish(draft, parts)
  }
  try {
    const parts = storeChunks(store, openBody(), checks, pending)
    return (await lastValueFrom(parts.pipe(batchMap(isDue, work)))) as T
  } catch (error) {
    await draft.discard()
    draft.close()
    throw error
  } finally {
    pending.abandon()
  }
}

async function refuseEarly(store: FileStore, { name, size, precondition }: UploadRequest): Promise<void> {
  const { maxFileSize } = store.options
  if (size !== undefined && size > maxFileSize) throw tooLarge(maxFileSize)
  await checkCurrentFile(store, name, precondition)
  if (size !== undefined) await refuseWithoutSpace(store, size)
}

/** A part that is to use a present chunk keeps its buffers until the catalog has it: that must not wait. */
function isDue(parts: readonly StoredPart[]): boolean {
  return parts.length >= partsPerCommit || parts.some(({ use }) => use.location === undefined)
}

/** A file in the making. It is in the catalog, as an upload, only once it has more parts than one commit takes. */
export class Draft {
  readonly #id = randomUUIDv7() as FileId
  readonly #store: FileStore
  readonly #request: UploadRequest
  readonly #pending: PendingParts
  #offset = 0
  isInCatalog = false

  constructor(store: FileStore, request: UploadRequest, pending: PendingParts) {
    this.#store = store
    this.#request = request
    this.#pending = pending
  }

  /** All of the file in one transaction. */
  create(parts: readonly StoredPart[]): Promise<CommittedFile> {
    return this.#pending.handOver(parts, (chunks) =>
      createWithRecord(this.#store, this.#file(), chunks, this.#request.precondition),
    )
  }

  async advance(parts: readonly StoredPart[]): Promise<undefined> {
    if (!this.isInCatalog) {
      this.#store.receiving.add(this.#id)
      this.isInCatalog = true
      await this.#store.catalog.createUpload({ ...this.#described(), expiresAt: this.#expiresAt() })
    }
    if (parts.length === 0) return
    const from = this.#offset
    this.#offset = await this.#pending.handOver(parts, (uses) =>
      this.#store.catalog.advanceUpload(this.#id, from, uses, this.#expiresAt()),
    )
  }

  async complete(parts: readonly StoredPart[]): Promise<FinishingUpload> {
    await this.advance(parts)
    const { precondition } = this.#request
    return { file: this.#file(), ...(precondition && { precondition }) }
  }

  async discard(): Promise<void> {
    if (!this.isInCatalog) return
    try {
      await this.#store.catalog.deleteUpload(this.#id)
    } catch (error) {
      // It expires; the client is to hear of what went wrong first.
      this.#store.options.onBackgroundError(error, `deleting unfinished upload ${this.#id}`)
    }
  }

  /** It is a file, or gone, and needs no protection from expiry any more. */
  close(): void {
    this.#store.receiving.delete(this.#id)
  }

  #described() {
    const { name, mediaType, metadata = {} } = this.#request
    return { id: this.#id, owner: soleOwner, name, mediaType, metadata }
  }

  #file(): DescribedFile {
    const now = Date.now()
    return { ...this.#described(), createdAt: now, modifiedAt: now }
  }

  #expiresAt(): number {
    return Date.now() + this.#store.options.uploadExpiryMs
  }
}
