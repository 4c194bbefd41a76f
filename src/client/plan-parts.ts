/** Bytes `from` to `to` (exclusive) of a file, and the upload that has the first `offset` of them, if there is one. */
export interface Part {
  readonly from: number
  readonly to: number
  readonly id?: string
  readonly offset: number
}

/** Parts begin at multiples of this, so that chunks are cut where they would be in one piece: equal content is stored once. */
const alignment = 8 * 1024 * 1024

/** The fewest parts that cover bytes 0 to `size`: what is left from earlier attempts where that fits, and what lies between in `count` parts. */
export function planParts(size: number, count: number, leftovers: readonly Part[]): readonly Part[] {
  const parts: Part[] = []
  let at = 0
  const furthestFirst = leftovers.toSorted((a, b) => a.from - b.from || b.offset - a.offset)
  for (const part of furthestFirst) {
    if (part.from < at || part.to > size || part.to <= part.from) continue
    parts.push(...cut(at, part.from, count), part)
    at = part.to
  }
  parts.push(...cut(at, size, count))
  return parts
}

function cut(from: number, to: number, count: number): readonly Part[] {
  const partBytes = Math.ceil((to - from) / count / alignment) * alignment
  const parts: Part[] = []
  for (let at = from; at < to; at += partBytes) {
    parts.push({ from: at, to: Math.min(to, at + partBytes), offset: 0 })
  }
  return parts
}
