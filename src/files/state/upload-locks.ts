import type { FileId, Space } from '../../model/file.ts'

/** The right to append to one upload, until it is released, once. */
export interface UploadLock {
  /** Aborts when another request wants the upload: the holder keeps what arrived and releases. */
  readonly signal: AbortSignal
  release(): void
}

interface Held {
  readonly abort: AbortController
  readonly released: Promise<void>
}

/**
 * One request at a time appends to an upload, and of two that race for it one gets the lock. A
 * client that comes back while its dead connection still hangs asks for the offset first. That
 * interrupts the holder, so nobody waits for the dead. Locks are of a space: a caller who names an
 * upload of another one meets nobody.
 */
export class UploadLocks {
  readonly #held = new Map<string, Held>()

  /** The lock, unless another request holds it. */
  tryAcquire(space: Space, id: FileId): UploadLock | undefined {
    const key = keyOf(space, id)
    if (this.#held.has(key)) return undefined
    const abort = new AbortController()
    const { promise: released, resolve } = Promise.withResolvers<void>()
    this.#held.set(key, { abort, released })
    return {
      signal: abort.signal,
      release: () => {
        this.#held.delete(key)
        resolve()
      },
    }
  }

  /** Interrupts the holder and resolves when what arrived by then is durable. */
  async interrupt(space: Space, id: FileId): Promise<void> {
    const held = this.#held.get(keyOf(space, id))
    held?.abort.abort()
    await held?.released
  }
}

function keyOf(space: Space, id: FileId): string {
  return `${id}/${space}`
}
