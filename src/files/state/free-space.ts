import type { Catalog, ChunkUse } from '../../catalog/catalog.ts'
import { withMethods } from '../../catalog/with-methods.ts'
import type { ChunkStore } from '../../chunks/chunk-store.ts'
import { asRefusal, isStoreError, StoreError } from '../../model/errors.ts'

/**
 * What a small change may add to the catalog's log and tables before the disk is checked again.
 */
const changeBytes = 32 * 1024
/** What each of many files adds. */
const fileBytes = 4 * 1024
/** How long an answer of the disk is valid. Meanwhile, what is written is subtracted from it. */
const answerMs = 100

export interface FreeSpaceOptions {
  /** The bytes that are free above the reserve; absent if nothing is known to be limited. */
  readonly freeBytes?: () => Promise<number>
  /** Releases a part of what is kept for deletions; resolves with false if none is left. */
  readonly releaseSpace?: () => Promise<boolean>
}

/**
 * Protects the reserve. Whatever creates something asks first, whether its length is known or not.
 * Deleting, collecting and opening a store do not ask, and need the reserve: taking a chunk out of
 * a pack rewrites the rest of the pack. If even that finds no space, because other programs have
 * filled the disk, deletions use what is kept for them.
 */
export class FreeSpace {
  readonly #ask: (() => Promise<number>) | undefined
  readonly #release: () => Promise<boolean>
  #releasing: Promise<boolean> | undefined
  #releases = 0
  #answer: Promise<number> | undefined
  #askedAt = -Infinity
  #underWay = 0
  #writtenSince = 0

  constructor({ freeBytes, releaseSpace = () => Promise.resolve(false) }: FreeSpaceOptions = {}) {
    this.#ask = freeBytes
    this.#release = releaseSpace
  }

  /** Bytes that may still be written; `Infinity` if unknown. Rejects what asking rejects. */
  async free(): Promise<number> {
    if (!this.#ask) return Infinity
    const now = performance.now()
    if (!this.#answer || now - this.#askedAt >= answerMs) {
      this.#askedAt = now
      this.#writtenSince = 0
      const answer = this.#ask()
      this.#answer = answer
      answer.catch(() => {
        if (this.#answer === answer) this.#answer = undefined
      })
    }
    const free = await this.#answer
    return Math.max(0, free - this.#underWay - this.#writtenSince)
  }

  /** Whether even the smallest change would be refused. */
  async isFull(): Promise<boolean> {
    return (await this.free()) < changeBytes
  }

  /** Rejects `no_space` if this many bytes do not fit at the moment. */
  async check(bytes: number): Promise<void> {
    const free = await this.free().catch((error: unknown) => {
      throw asRefusal(error)
    })
    if (bytes > free) {
      const message = `There is no room for ${bytes} bytes, only for ${free}: delete something, or add space.`
      throw new StoreError('no_space', message, { isRefusal: true })
    }
  }

  /** Writes this many bytes. Rejects `no_space` without having begun if they do not fit. */
  async write<T>(bytes: number, write: () => Promise<T>): Promise<T> {
    if (!this.#ask) return write()
    await this.check(bytes)
    this.#underWay += bytes
    try {
      return await write()
    } finally {
      this.#underWay -= bytes
      this.#writtenSince += bytes
    }
  }

  /**
   * Does what frees space, sooner or later. On a full disk it releases a part of what is kept for
   * this and calls `shrink` again, so a `shrink` that rejects `no_space` must have changed nothing,
   * or be harmless to repeat.
   */
  async shrink<T>(shrink: () => Promise<T>): Promise<T> {
    for (;;) {
      const releases = this.#releases
      try {
        const result = await shrink()
        // Asking makes the server keep the space again.
        if (releases > 0) void this.free().catch(() => undefined)
        return result
      } catch (error) {
        if (!isStoreError(error, 'no_space')) throw error
        // Many fail together, and what is released for one may suffice for all.
        if (releases === this.#releases && !(await this.#releaseOnce())) throw error
      }
    }
  }

  /** Wraps the store: puts keep the reserve, deletes may use it. */
  guardChunks(store: ChunkStore): ChunkStore {
    if (!this.#ask) return store
    return {
      put: (digest, pieces, options) => {
        const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
        return this.write(bytes, () => store.put(digest, pieces, options))
      },
      read: (...args) => store.read(...args),
      delete: (...args) => this.shrink(() => store.delete(...args)),
      list: (...args) => store.list(...args),
      close: () => store.close(),
    }
  }

  /**
   * Wraps the catalog: changes that add something keep the reserve, those that delete may use it.
   */
  guardCatalog(catalog: Catalog): Catalog {
    if (!this.#ask) return catalog
    const write = <T>(bytes: number, change: () => Promise<T>) => this.write(changeBytes + 2 * bytes, change)
    return withMethods(catalog, {
      createFile: (file) => write(sizeOf(file) + listBytes(file.chunks), () => catalog.createFile(file)),
      updateFile: (space, ref, changes, ...rest) =>
        write(sizeOf(changes), () => catalog.updateFile(space, ref, changes, ...rest)),
      createUpload: (upload) => write(sizeOf(upload), () => catalog.createUpload(upload)),
      concatenateUploads: (upload, partIds) =>
        write(sizeOf(upload), () => catalog.concatenateUploads(upload, partIds)),
      advanceUpload: (id, from, chunks, expiresAt) =>
        write(listBytes(chunks), () => catalog.advanceUpload(id, from, chunks, expiresAt)),
      appendUpload: (...args) => write(0, () => catalog.appendUpload(...args)),
      compactUpload: (id, start, end, chunks) =>
        write(listBytes(chunks), () => catalog.compactUpload(id, start, end, chunks)),
      finishUploads: (uploads) => write(uploads.length * fileBytes, () => catalog.finishUploads(uploads)),
      deleteFile: (...args) => this.shrink(() => catalog.deleteFile(...args)),
      deleteUpload: (...args) => this.shrink(() => catalog.deleteUpload(...args)),
      collectChunks: (...args) => this.shrink(() => catalog.collectChunks(...args)),
      markOrphans: (...args) => this.shrink(() => catalog.markOrphans(...args)),
      markUnknownManifests: (...args) => this.shrink(() => catalog.markUnknownManifests(...args)),
      forgetManifests: (...args) => this.shrink(() => catalog.forgetManifests(...args)),
      forgetGarbage: (locations) => {
        const forget = () => catalog.forgetGarbage(locations)
        // Forgetting nothing asks whether the catalog takes changes.
        return locations.length === 0 ? forget() : this.shrink(forget)
      },
    })
  }

  #releaseOnce(): Promise<boolean> {
    this.#releasing ??= this.#releasePart().finally(() => {
      this.#releasing = undefined
    })
    return this.#releasing
  }

  async #releasePart(): Promise<boolean> {
    const isReleased = await this.#release()
    if (isReleased) this.#releases++
    // The disk may have had space until now that was released since.
    this.#answer = undefined
    return isReleased
  }
}

interface Described {
  readonly metadata?: Readonly<Record<string, string>>
  readonly protocolState?: string
}

function sizeOf({ metadata, protocolState = '' }: Described): number {
  return JSON.stringify(metadata ?? {}).length + protocolState.length
}

function listBytes(chunks: readonly ChunkUse[]): number {
  return chunks.reduce((sum, { blockDigests }) => sum + blockDigests.length + 256, 0)
}
