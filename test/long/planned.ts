import { createHash } from 'node:crypto'

/**
 * Numbers in [from, to), ascending, the same for the same seed and topic, and otherwise as random
 * as a hash.
 */
export function planned(seed: string, topic: string, count: number, from: number, to: number): number[] {
  const numbers = Array.from({ length: count }, (_, index) => {
    const digest = createHash('sha256').update(`${seed} ${topic} ${index}`).digest()
    return from + Math.floor((digest.readUInt32BE() / 2 ** 32) * (to - from))
  })
  return numbers.sort((a, b) => a - b)
}
