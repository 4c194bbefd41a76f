import { StoreError } from '../../model/errors.ts'

/** Lets calls in until it is closed, and knows when the last one has settled. */
export class DrainGate {
  #inside = 0
  #isClosed = false
  readonly #empty = Promise.withResolvers<void>()

  /** Settles as `call` does. Once the gate is closed, rejects `unavailable` without calling it. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new StoreError('unavailable', 'The chunk store is closed.')
    this.#inside += 1
    try {
      return await call()
    } finally {
      this.#inside -= 1
      this.#announceIfEmpty()
    }
  }

  /** Rejects every later call at once. Resolves when the running calls have settled. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#announceIfEmpty()
    return this.#empty.promise
  }

  #announceIfEmpty(): void {
    if (this.#isClosed && this.#inside === 0) this.#empty.resolve()
  }
}
