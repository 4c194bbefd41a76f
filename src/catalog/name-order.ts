const lastCodePoint = 0x10ffff

/** The first string behind `name` that a name can be: names hold no control characters. */
export function justBehind(name: string): string {
  return `${name}\u0001`
}

/**
 * The first string, by UTF-8 bytes, behind all that begin with `prefix`; absent if there is none, as for an
 * empty prefix. Bytes of UTF-8 sort as code points do, so the last code point that can grow is raised by one.
 */
export function behindPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!)
  while (points.at(-1) === lastCodePoint) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // Surrogates are not characters: U+D7FF is followed by U+E000.
  points.push(last === 0xd7ff ? 0xe000 : last + 1)
  return points.map((point) => String.fromCodePoint(point)).join('')
}
