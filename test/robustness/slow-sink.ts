import assert from 'node:assert/strict'
import { eventually } from './eventually.ts'
import { Collector } from './read-back.ts'

/**
 * Takes a write only when it is told to, or a while after it came: a client that stands still, or
 * one that crawls.
 */
export class SlowSink extends Collector {
  readonly #held = new Set<() => void>()
  readonly #everyMs: number
  #isOpen = false

  constructor(everyMs = Infinity) {
    super()
    this.#everyMs = everyMs
  }

  /** Takes one write, once there is one. */
  async take(): Promise<void> {
    await eventually(() => assert(this.#held.size > 0, 'nothing has been written'))
    const [next] = this.#held
    next?.()
  }

  /** From now on takes whatever comes. */
  open(): void {
    this.#isOpen = true
    for (const take of this.#held) take()
  }

  override _write(piece: Buffer, encoding: string, done: (error?: Error) => void): void {
    const take = () => {
      if (this.#held.delete(take)) super._write(piece, encoding, done)
    }
    this.#held.add(take)
    if (this.#isOpen) take()
    else if (this.#everyMs < Infinity) setTimeout(take, this.#everyMs)
  }
}
