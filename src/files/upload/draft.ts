import { randomUUIDv7 } from 'node:crypto'
import type { Caller } from '../../model/principal.ts'
import type { ChunkUse, CommittedFile, Precondition } from '../../catalog/catalog.ts'
import { packed } from '../../model/chunk.ts'
import { asRefusal } from '../../model/errors.ts'
import type { FileId, FileName, Metadata } from '../../model/file.ts'
import { deleteUpload } from '../resume/finish-upload.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import {
  createWithManifest,
  deleteManifest,
  putManifest,
  type DescribedFile,
  type FinishingUpload,
  type ManifestFile,
} from '../manifests/keep-manifests.ts'
import type { PendingParts, StoredPart } from './pending-parts.ts'
import { newExpiry } from './receive-into-upload.ts'

/** For what fails before the catalog is asked. */
const refuse = (error: unknown) => {
  throw asRefusal(error)
}

/**
 * As many chunks go to the catalog in one transaction; a file of no more is created in a single
 * one.
 */
export const partsPerCommit = 64

/** What a file is to be, whatever its bytes. */
export interface FileRequest {
  readonly name: FileName
  readonly mediaType: string
  readonly metadata?: Metadata
  readonly precondition?: Precondition
}

/**
 * A file in the making. It is in the catalog, as an upload, only once it has more parts than one
 * commit takes.
 */
export class Draft {
  readonly #id = randomUUIDv7() as FileId
  readonly #store: Storage & OpenUploads & Counted
  readonly #caller: Caller
  readonly #request: FileRequest
  readonly #pending: PendingParts
  /** The first ones, as many as one commit takes and one more. */
  readonly #chunks: ChunkUse[] = []
  #recording: Promise<ManifestFile> | undefined
  #offset = 0
  isInCatalog = false

  constructor(
    store: Storage & OpenUploads & Counted,
    caller: Caller,
    request: FileRequest,
    pending: PendingParts,
  ) {
    this.#store = store
    this.#caller = caller
    this.#request = request
    this.#pending = pending
  }

  /** The next chunk, which need not be stored yet. */
  expect({ digest, size, blockDigests }: ChunkUse): void {
    if (this.#chunks.length <= partsPerCommit) this.#chunks.push({ digest, size, blockDigests })
  }

  /**
   * All chunks are known: the manifest of a file that one transaction will create is put beside the
   * last of them, not after it.
   */
  beginManifest(): void {
    if (this.isInCatalog || this.#chunks.length > partsPerCommit) return
    this.#recording = putManifest(this.#store, this.#file(), [packed(this.#chunks)])
    // Who takes it hears of that; if nobody does, nothing has been put.
    this.#recording.catch(() => {})
  }

  /** All of the file in one transaction. */
  async create(parts: readonly StoredPart[]): Promise<CommittedFile> {
    const putAnew = (chunks: readonly ChunkUse[]) => putManifest(this.#store, this.#file(), [packed(chunks)])
    // While it fails, the catalog has not been asked, and the parts are still to be deleted.
    let recorded: ManifestFile | undefined = await (this.#takeRecording() ??
      putAnew(parts.map(({ use }) => use)))
    return this.#pending.handOver(parts, async (chunks) => {
      // Called again where a chunk has gone, and the manifest with the attempt.
      const current = recorded ?? (await putAnew(chunks).catch(refuse))
      recorded = undefined
      return createWithManifest(this.#store, current, chunks, this.#request.precondition)
    })
  }

  async advance(parts: readonly StoredPart[]): Promise<undefined> {
    if (!this.isInCatalog) {
      this.#store.receiving.add(this.#id)
      this.isInCatalog = true
      await this.#store.catalog.createUpload({ ...this.#described(), expiresAt: newExpiry(this.#store) })
    }
    if (parts.length === 0) return
    const from = this.#offset
    this.#offset = await this.#pending.handOver(parts, (uses) =>
      this.#store.catalog.advanceUpload(this.#id, from, uses, newExpiry(this.#store)),
    )
  }

  /** All of the file in the catalog, as an upload. */
  async complete(parts: readonly StoredPart[]): Promise<FinishingUpload> {
    await this.#deleteManifest()
    await this.advance(parts)
    const { precondition } = this.#request
    return { file: this.#file(), ...(precondition && { precondition }) }
  }

  async discard(): Promise<void> {
    await this.#deleteManifest()
    if (this.isInCatalog) await deleteUpload(this.#store, this.#id)
  }

  /** It is a file, or gone, and needs no protection from expiry any more. */
  close(): void {
    this.#store.receiving.delete(this.#id)
  }

  #takeRecording(): Promise<ManifestFile> | undefined {
    const recording = this.#recording
    this.#recording = undefined
    return recording
  }

  async #deleteManifest(): Promise<void> {
    const recorded = await this.#takeRecording()?.catch(() => undefined)
    if (recorded) await deleteManifest(this.#store, recorded.manifest)
  }

  #described() {
    const { name, mediaType, metadata = {} } = this.#request
    return { id: this.#id, space: this.#caller.space, name, mediaType, metadata }
  }

  #file(): DescribedFile {
    const now = Date.now()
    return { ...this.#described(), createdAt: now, modifiedAt: now }
  }
}
