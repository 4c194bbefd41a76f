import type { Target } from '../upload/source.ts'

/** A write of one small piece costs about as much as one of all these bytes. */
const gatheredBytes = 1024 * 1024

/** Writes consecutive pieces to a target from byte `at` on, many at a time. */
export class GatheredWrite {
  readonly #target: Target
  readonly #buffer = new Uint8Array(gatheredBytes)
  #at: number
  #filled = 0

  constructor(target: Target, at: number) {
    this.#target = target
    this.#at = at
  }

  async add(piece: Uint8Array): Promise<void> {
    for (let taken = 0; taken < piece.length;) {
      const part = piece.subarray(taken, taken + gatheredBytes - this.#filled)
      this.#buffer.set(part, this.#filled)
      this.#filled += part.length
      taken += part.length
      if (this.#filled === gatheredBytes) await this.flush()
    }
  }

  /** Writes what was added. */
  async flush(): Promise<void> {
    if (this.#filled === 0) return
    await this.#target.write(this.#at, this.#buffer.subarray(0, this.#filled))
    this.#at += this.#filled
    this.#filled = 0
  }
}
