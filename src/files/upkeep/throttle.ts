import { setTimeout as wait } from 'node:timers/promises'

/** How time is told and passed. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Resolves so much later. Rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export const systemClock: Clock = {
  now: Date.now,
  wait: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
}

/** Lets work go on at a rate. What was not used of it is not saved up. */
export class Throttle {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  #freeAt = -Infinity

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#clock = clock
  }

  /**
   * Resolves when so many bytes may be worked on: when the time is over that those before them were
   * worth.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const { now, wait: pass } = this.#clock
    const ms = this.#freeAt - now()
    if (ms > 0) await pass(ms, signal)
    this.#freeAt = Math.max(this.#freeAt, now()) + bytes / this.#bytesPerMs
  }
}
