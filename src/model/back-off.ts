export interface BackOff {
  /** The longest pause after the first failure. It doubles with each further one, */
  readonly firstMs: number
  /** up to this. */
  readonly maxMs: number
  /** The share of it that every pause lasts at least, from 0 to 1. */
  readonly leastShare?: number
  /** From 0 up to 1. */
  readonly random?: () => number
}

/**
 * How long to wait after so many failures in a row. The length is random, because callers that
 * failed together must not come back together.
 */
export function backOffMs(
  failures: number,
  { firstMs, maxMs, leastShare = 0, random = Math.random }: BackOff,
): number {
  const longestMs = Math.min(maxMs, firstMs * 2 ** (failures - 1))
  return longestMs * (leastShare + (1 - leastShare) * random())
}
