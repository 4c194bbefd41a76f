import type { Catalog, ChunkUse } from '../../catalog/catalog.ts'
import { withMethods } from '../../catalog/with-methods.ts'
import type { ChunkStore } from '../../chunks/chunk-store.ts'
import { asRefusal, isStoreError, StoreError } from '../../model/errors.ts'

/**
 * What a small change of the catalog may add to its log and its tables before the disk is looked at
 * again.
 */
const changeBytes = 32 * 1024
/** Of one file among many. */
const fileBytes = 4 * 1024
/** How long an answer of the disk counts. Meanwhile what is written is subtracted from it. */
const answerMs = 100

export interface FreeSpaceOptions {
  /**
   * Gives the bytes that are free above the reserve; absent where nothing is known to have a bound.
   */
  readonly freeBytes?: () => Promise<number>
  /**
   * Gives up a part of what is kept for deletions; resolves with false if nothing is left of it.
   */
  readonly releaseSpace?: () => Promise<boolean>
}

/**
 * Keeps the reserve: whatever creates something asks first, whether its length was known or not.
 * What deletes, collects or opens a store does not, and needs the reserve to do its work: taking a
 * chunk out of a pack writes the rest of it anew. If even that fails for want of space, because
 * other programs have filled the disk, deletions use what is kept for them.
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

  /**
   * Bytes that may still be written; `Infinity` where nobody can tell. Rejects what asking does.
   */
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

  /** Whether even the smallest change is refused. */
  async isFull(): Promise<boolean> {
    return (await this.free()) < changeBytes
  }

  /** Rejects `no_space` if so many bytes do not fit at the moment. */
  async check(bytes: number): Promise<void> {
    const free = await this.free().catch((error: unknown) => {
      throw asRefusal(error)
    })
    if (bytes > free) {
      const message = `There is no room for ${bytes} bytes, only for ${free}: delete something, or add space.`
      throw new StoreError('no_space', message, { isRefusal: true })
    }
  }

  /** Writes so many bytes. Rejects `no_space` without having begun if they do not fit. */
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
   * Does what frees space, sooner or later. Whenever the disk is full, a part of what is kept for
   * this is given up and `shrink` is called again, so a call that rejects `no_space` must have
   * changed nothing, or be harmless if repeated.
   */
  async shrink<T>(shrink: () => Promise<T>): Promise<T> {
    for (;;) {
      const releases = this.#releases
      try {
        const result = await shrink()
        // Asking is what has the space kept again.
        if (releases > 0) void this.free().catch(() => undefined)
        return result
      } catch (error) {
        if (!isStoreError(error, 'no_space')) throw error
        // Many fail together, and what is given up for one may do for all.
        if (releases === this.#releases && !(await this.#releaseOnce())) throw error
      }
    }
  }

  /** The same store, whose puts keep the reserve, and whose deletes may use it. */
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
   * The same catalog, whose changes that add something keep the reserve, while those that delete
   * may use it.
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
        // To forget nothing is to ask whether the catalog takes changes.
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
    // Until now the disk may have had space that was given up since.
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
