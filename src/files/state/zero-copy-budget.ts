/**
 * Limits the blocks that are written straight from their buffers. A stream gives back what it
 * writes only when its client has taken it, and a client that is fast now may stop at any time.
 */
export class ZeroCopyBudget {
  readonly #most: number
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  get running(): number {
    return this.#running
  }

  /** Takes a slot if one is free. Call the returned function once to give it back. */
  tryAcquire(): (() => void) | undefined {
    if (this.#running >= this.#most) return undefined
    this.#running++
    return () => {
      this.#running--
    }
  }
}
