import type { FileId } from '../../model/file.ts'

/** The right to append to one upload, until it is ended, once. */
export interface UploadTurn {
  /** Aborts when somebody else wants the upload: whoever has the turn keeps what arrived and ends it. */
  readonly signal: AbortSignal
  end(): void
}

interface Taken {
  readonly abort: AbortController
  readonly ended: Promise<void>
}

/**
 * One request at a time appends to an upload, and of two that race for it one gets it. A client that comes back while its
 * dead connection still hangs asks for the offset first: to settle that ends whoever has the turn, so nobody waits for the dead.
 */
export class UploadTurns {
  readonly #taken = new Map<FileId, Taken>()

  /** The turn, unless somebody has it. */
  take(id: FileId): UploadTurn | undefined {
    if (this.#taken.has(id)) return undefined
    const abort = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    this.#taken.set(id, { abort, ended })
    return {
      signal: abort.signal,
      end: () => {
        this.#taken.delete(id)
        resolve()
      },
    }
  }

  /** Ends whoever has the turn and resolves when what arrived by then is durable. */
  async settle(id: FileId): Promise<void> {
    const taken = this.#taken.get(id)
    taken?.abort.abort()
    await taken?.ended
  }
}
