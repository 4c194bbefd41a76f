/**
 * Notices when this process has stood still for longer than `leastMs`: it was stopped, or its
 * machine suspended. What clients sent meanwhile has not been read yet, and their connections may
 * take a while to recover.
 */
export class Standstill {
  readonly #leastMs: number
  readonly #timer: NodeJS.Timeout
  #lastTickAt = performance.now()
  #endedAt = -Infinity

  constructor(leastMs: number) {
    this.#leastMs = leastMs
    this.#timer = setInterval(() => this.#tick(), leastMs / 2)
    this.#timer.unref()
  }

  /** Whether a standstill ended in the last `ms`. */
  hasEndedWithin(ms: number): boolean {
    // Other timers that are late may run before ours.
    this.#tick()
    return performance.now() - this.#endedAt < ms
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    if (now - this.#lastTickAt > this.#leastMs) this.#endedAt = now
    this.#lastTickAt = now
  }
}
