import type { ByteRange } from '../../model/byte-range.ts'

/**
 * What a `Range` header asks of a file of `size` bytes: all of it (`full`, a 200), one range (206),
 * or nothing that it has (`unsatisfiable`, 416). A header that is malformed, in another unit, or
 * names ranges with a gap between them is ignored, which RFC 9110, 14.2 leaves to the server.
 */
export function parseRange(header: string | undefined, size: number): 'full' | 'unsatisfiable' | ByteRange {
  // RFC 9110, 14.1: "Range units … are case-insensitive"; 14.2: "MUST ignore a Range header field …
  // that contains a range unit it does not understand".
  const set = header === undefined ? undefined : /^bytes=(.*)$/is.exec(header)?.[1]
  if (set === undefined) return 'full'
  // RFC 9110, 14.1.1: range-set = 1#range-spec; 5.6.1.2: "parse and ignore a reasonable number of
  // empty list elements".
  const specs = set.split(',').filter((spec) => !/^[ \t]*$/.test(spec))
  if (specs.length === 0) return 'full'
  const ranges: ByteRange[] = []
  let isSatisfiable = false
  for (const spec of specs) {
    const [, first, last] = /^[ \t]*(\d*)-(\d*)[ \t]*$/.exec(spec) ?? []
    if (first === undefined || last === undefined || first + last === '') return 'full'
    // RFC 9110, 14.1.1: "An int-range is invalid if the last-pos value is present and less than
    // first-pos"; 14.2: "MAY ignore or reject a Range header field that contains an invalid
    // ranges-specifier".
    if (first !== '' && last !== '' && Number(last) < Number(first)) return 'full'
    const range = first === '' ? suffix(Number(last), size) : between(Number(first), last, size)
    if (range === undefined) continue
    isSatisfiable = true
    if (range.start < range.end) ranges.push(range)
  }
  if (!isSatisfiable) return 'unsatisfiable'
  const [range, another] = coalesced(ranges)
  // No range although satisfiable: the end of an empty file, for which there is no Content-Range.
  return range === undefined || another !== undefined ? 'full' : range
}

/**
 * RFC 9110, 14.1.2: satisfiable if "the first-pos is less than the current length of the selected
 * representation".
 */
function between(first: number, last: string, size: number): ByteRange | undefined {
  if (first >= size) return undefined
  // 14.1.2: "if the value is greater than or equal to the current length …, the remainder of the
  // representation".
  return { start: first, end: last === '' ? size : Math.min(Number(last) + 1, size) }
}

/**
 * RFC 9110, 14.1.2: satisfiable with "a non-zero suffix-length", of an empty file too; "If the
 * selected representation is shorter than the specified suffix-length, the entire representation is
 * used".
 */
function suffix(length: number, size: number): ByteRange | undefined {
  return length === 0 ? undefined : { start: Math.max(size - length, 0), end: size }
}

/**
 * RFC 9110, 15.3.7.2: "MAY coalesce any of the ranges that overlap, or that are separated by a gap"
 * – of none, here.
 */
function coalesced(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const result: ByteRange[] = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const before = result.at(-1)
    if (before && range.start <= before.end) {
      result[result.length - 1] = { start: before.start, end: Math.max(before.end, range.end) }
    } else {
      result.push(range)
    }
  }
  return result
}
