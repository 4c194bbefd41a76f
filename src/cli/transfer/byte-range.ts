/**
 * A span as `client.read` takes it: `from` counts from the end if it is negative, and without `to`
 * it goes on to there.
 */
export interface RequestedRange {
  readonly from: number
  readonly to?: number
}

/**
 * `0-99` is the first 100 bytes, `100-` all but these, `-500` the last 500, as in HTTP; undefined
 * if it is no range.
 */
export function parseByteRange(text: string): RequestedRange | undefined {
  const [, first, last] = /^(\d*)-(\d*)$/.exec(text) ?? []
  if (first === undefined || last === undefined) return undefined
  const [from, to] = [Number(first), Number(last)]
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to + 1)) return undefined
  if (first === '') return to > 0 ? { from: -to } : undefined
  if (last === '') return { from }
  return from <= to ? { from, to: to + 1 } : undefined
}
