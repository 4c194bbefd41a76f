/**
 * Bytes `from` to `to` (exclusive) of a file, and the upload that already has the first `offset` of
 * them, if there is one.
 */
export interface UploadPart {
  readonly from: number
  readonly to: number
  readonly id?: string
  readonly offset: number
}

/**
 * Parts begin at multiples of this, so that chunks are cut where they would be in one piece: equal
 * content is stored once.
 */
const alignment = 8 * 1024 * 1024

/**
 * The request that concatenates them names them all in its headers, of which servers accept at
 * least 8 KiB.
 */
export const mostParts = 128

/**
 * At most `mostParts` parts that cover bytes 0 to `size`: leftovers of earlier attempts where they
 * fit, and the gaps, each cut into `count` parts.
 */
export function planParts(
  size: number,
  count: number,
  leftovers: readonly UploadPart[],
): readonly UploadPart[] {
  const parts = fill(size, Math.min(count, mostParts), leftovers)
  if (parts.length <= mostParts) return parts
  const fullestFirst = leftovers.toSorted((a, b) => b.offset - a.offset)
  return planParts(size, count, fullestFirst.slice(0, Math.floor(leftovers.length / 2)))
}

function fill(size: number, count: number, leftovers: readonly UploadPart[]): readonly UploadPart[] {
  const parts: UploadPart[] = []
  let at = 0
  for (const part of leftovers.toSorted((a, b) => a.from - b.from || b.offset - a.offset)) {
    if (part.from < at || part.to > size || part.to <= part.from) continue
    parts.push(...cut(at, part.from, count), part)
    at = part.to
  }
  parts.push(...cut(at, size, count))
  return parts
}

function cut(from: number, to: number, count: number): readonly UploadPart[] {
  const partBytes = Math.ceil((to - from) / count / alignment) * alignment
  const parts: UploadPart[] = []
  for (let at = from; at < to;) {
    const next = Math.min(to, at - (at % alignment) + partBytes)
    parts.push({ from: at, to: next, offset: 0 })
    at = next
  }
  return parts
}
