const lastCodePoint = 0x10ffff

/** A string right after `name`: names have no control characters, so none lies between the two. */
export function justBehind(name: string): string {
  return `${name}\u0001`
}

/**
 * The first string, by UTF-8 bytes, after all that begin with `prefix`; undefined if there is none,
 * as for an empty prefix. UTF-8 bytes sort as code points do, so this raises the last code point
 * that can grow by one.
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
