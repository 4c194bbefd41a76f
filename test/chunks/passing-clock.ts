import type { Timer } from '../../src/chunks/wrappers/clock.ts'

/** Time passes only where somebody waits, and then at once. */
export class PassingClock implements Timer {
  /** How long was waited, each time. */
  readonly waits: number[] = []
  #time = 0
  readonly #onWait: () => void

  constructor(onWait: () => void = () => {}) {
    this.#onWait = onWait
  }

  readonly now = () => this.#time

  readonly wait = async (ms: number, signal: AbortSignal) => {
    this.waits.push(ms)
    this.#time += ms
    this.#onWait()
    signal.throwIfAborted()
  }

  /** What else takes time. */
  pass(ms: number): void {
    this.#time += ms
  }
}
