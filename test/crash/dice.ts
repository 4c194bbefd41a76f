import { createHash } from 'node:crypto'

/** Numbers that look random and are the same for the same seed. */
export class Dice {
  readonly #seed: string
  readonly #state: Uint32Array

  constructor(seed: string) {
    this.#seed = seed
    const digest = createHash('sha256').update(seed).digest()
    this.#state = Uint32Array.from({ length: 4 }, (_, index) => digest.readUInt32LE(index * 4))
  }

  /** Dice of their own for a topic: how often the others are thrown does not matter to them. */
  for(topic: string): Dice {
    return new Dice(`${this.#seed}, ${topic}`)
  }

  /** A whole number in [from, to). */
  int(from: number, to: number): number {
    return from + Math.floor((this.#next() / 2 ** 32) * (to - from))
  }

  /** True in so many of a hundred throws. */
  percent(chance: number): boolean {
    return this.int(0, 100) < chance
  }

  /** One of them; there must be some. */
  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length)]!
  }

  /** Xoshiro128++ (Blackman and Vigna). */
  #next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state
    const result = (rotated((a + d) >>> 0, 7) + a) >>> 0
    const [e, f] = [c ^ a, d ^ b]
    this.#state.set([a ^ f, b ^ e, e ^ (b << 9), rotated(f, 11)])
    return result
  }
}

function rotated(word: number, by: number): number {
  return ((word << by) | (word >>> (32 - by))) >>> 0
}
