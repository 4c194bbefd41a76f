import { setTimeout as wait } from 'node:timers/promises'

/** Tells the time and waits. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Resolves this much later. Rejects when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export const systemClock: Clock = {
  now: Date.now,
  wait: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
}

/** Limits work to a rate. Unused time is not saved up. */
export class Throttle {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  #freeAt = -Infinity

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#clock = clock
  }

  /**
   * Resolves when this many bytes may be worked on: when the time is over that the bytes before
   * them were worth.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const { now, wait: pass } = this.#clock
    const ms = this.#freeAt - now()
    if (ms > 0) await pass(ms, signal)
    this.#freeAt = Math.max(this.#freeAt, now()) + bytes / this.#bytesPerMs
  }
}
