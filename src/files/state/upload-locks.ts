import type { FileId } from '../../model/file.ts'

/** The right to append to one upload, until it is ended, once. */
export interface UploadLock {
  /** Aborts when somebody else wants the upload: the holder keeps what arrived and ends it. */
  readonly signal: AbortSignal
  release(): void
}

interface Taken {
  readonly abort: AbortController
  readonly ended: Promise<void>
}

/**
 * One request at a time appends to an upload, and of two that race for it one gets it. A client that comes back while its
 * dead connection still hangs asks for the offset first: to settle that ends the holder, so nobody waits for the dead.
 */
export class UploadLocks {
  readonly #taken = new Map<FileId, Taken>()

  /** The lock, unless somebody has it. */
  tryAcquire(id: FileId): UploadLock | undefined {
    if (this.#taken.has(id)) return undefined
    const abort = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    this.#taken.set(id, { abort, ended })
    return {
      signal: abort.signal,
      release: () => {
        this.#taken.delete(id)
        resolve()
      },
    }
  }

  /** Ends the holder and resolves when what arrived by then is durable. */
  async interrupt(id: FileId): Promise<void> {
    const taken = this.#taken.get(id)
    taken?.abort.abort()
    await taken?.ended
  }
}
