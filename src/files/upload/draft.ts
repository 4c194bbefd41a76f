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

/** Marks a failure before the catalog was asked as a refusal. */
const refuse = (error: unknown) => {
  throw asRefusal(error)
}

/** Chunks per transaction; a file of no more is created in a single one. */
export const partsPerCommit = 64

/** What a file is to be, apart from its bytes. */
export interface FileRequest {
  readonly name: FileName
  readonly mediaType: string
  readonly metadata?: Metadata
  readonly precondition?: Precondition
}

/**
 * A file in the making. It enters the catalog, as an upload, only if it has more parts than one
 * commit takes.
 */
export class Draft {
  readonly #id = randomUUIDv7() as FileId
  readonly #store: Storage & OpenUploads & Counted
  readonly #caller: Caller
  readonly #request: FileRequest
  readonly #pending: PendingParts
  /** The first chunks: as many as one commit takes, and one more. */
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

  /** Adds the next chunk, which need not be stored yet. */
  expect({ digest, size, blockDigests }: ChunkUse): void {
    if (this.#chunks.length <= partsPerCommit) this.#chunks.push({ digest, size, blockDigests })
  }

  /**
   * Call when all chunks are known: the manifest of a file that one transaction will create is then
   * put while the last chunk is stored, not after it.
   */
  beginManifest(): void {
    if (this.isInCatalog || this.#chunks.length > partsPerCommit) return
    this.#recording = putManifest(this.#store, this.#file(), [packed(this.#chunks)])
    // Whoever takes it sees the failure; otherwise nothing was put.
    this.#recording.catch(() => {})
  }

  /** Creates the file in one transaction. */
  async create(parts: readonly StoredPart[]): Promise<CommittedFile> {
    const putAnew = (chunks: readonly ChunkUse[]) => putManifest(this.#store, this.#file(), [packed(chunks)])
    // If this fails, the catalog was not asked, and the parts must still be deleted.
    let recorded: ManifestFile | undefined = await (this.#takeRecording() ??
      putAnew(parts.map(({ use }) => use)))
    return this.#pending.handOver(parts, async (chunks) => {
      // Called again if a chunk is gone: the first attempt took the manifest with it.
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

  /** Brings all of the file into the catalog, as an upload. */
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

  /** Call when it is a file or gone: it needs no protection from expiry any more. */
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
