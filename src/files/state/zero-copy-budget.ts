/**
 * Bounds how many blocks are written straight from their buffers: what a stream is writing cannot
 * be had back before its client has taken it, and how fast a client is says nothing of when it will
 * stop.
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

  /** Takes a place, if one is free, until the function that it returns is called, once. */
  tryAcquire(): (() => void) | undefined {
    if (this.#running >= this.#most) return undefined
    this.#running++
    return () => {
      this.#running--
    }
  }
}
