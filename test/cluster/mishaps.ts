export interface Mishap {
  /** How far a transfer has come when it happens. */
  readonly at: number
  /** Resolves when the next one may happen. */
  readonly happen: () => Promise<unknown>
}

/**
 * What happens during a transfer, however fast that is: nothing is left out, and one thing begins
 * when the one before it is over.
 */
export class Mishaps {
  readonly #pending: Mishap[]
  #last: Promise<unknown> = Promise.resolve()

  constructor(all: readonly Mishap[]) {
    this.#pending = all.toSorted((a, b) => a.at - b.at)
  }

  /** Resolves when what is due has begun. */
  async reach(position: number): Promise<void> {
    for (let next = this.#pending[0]; next && next.at <= position; next = this.#pending[0]) {
      this.#pending.shift()
      const before = this.#last
      this.#last = before.then(next.happen)
      // It is reported in the end, if nobody waits for it before.
      this.#last.catch(() => undefined)
      await before
    }
  }

  /**
   * Resolves when all are over. Rejects with what went wrong with one of them, or if some have not
   * happened.
   */
  async end(): Promise<void> {
    await this.#last
    if (this.#pending.length > 0) throw new Error(`${this.#pending.length} mishaps have not happened`)
  }
}
