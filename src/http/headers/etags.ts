import type { IncomingHttpHeaders } from 'node:http'
import type { Precondition } from '../../catalog/catalog.ts'
import type { Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import { parseHttpDate } from './http-date.ts'

// RFC 9110, 8.8.3: entity-tag = [ weak ] opaque-tag, "weak = %s"W/" ; case-sensitive"; 5.6.1.2 lets list elements be empty.
const element = /[ \t]*(?:(?<weak>W\/)?"(?<opaque>[\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y

/** The strong entity tag of the bytes with this digest (RFC 9110, 8.8.3). */
export function etagOf(digest: Digest): string {
  return `"${digest}"`
}

/**
 * What `If-Match`, `If-None-Match` and `If-Unmodified-Since` demand; nothing if none of them was sent. Throws
 * `invalid_request` if one of the first two is neither `*` nor a list of entity tags.
 */
export function readPrecondition(headers: IncomingHttpHeaders): Precondition {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  // RFC 9110, 13.1.4: "MUST ignore If-Unmodified-Since if the request contains an If-Match header field", and "if the
  // received field value is not a valid HTTP-date".
  const ifUnmodifiedSince = ifMatch === undefined && parseHttpDate(headers['if-unmodified-since'] ?? '')
  return {
    // RFC 9110, 13.1.1: "MUST use the strong comparison function", which a weak tag never passes (8.8.3.2).
    ...(ifMatch !== undefined && {
      ifMatch: tags('If-Match', ifMatch, (tag) => !tag.isWeak),
    }),
    // RFC 9110, 13.1.2: "MUST use the weak comparison function": only what stands in the quotes counts.
    ...(ifNoneMatch !== undefined && {
      ifNoneMatch: tags('If-None-Match', ifNoneMatch, () => true),
    }),
    ...(typeof ifUnmodifiedSince === 'number' && { ifUnmodifiedSince }),
  }
}

/** What stands in the quotes, if `text` is one strong tag. */
export function parseStrongTag(text: string): string | undefined {
  const [tag, another] = parseTags(text) ?? []
  return tag === undefined || another !== undefined || tag.isWeak ? undefined : tag.opaque
}

interface Tag {
  readonly isWeak: boolean
  readonly opaque: string
}

function tags(name: string, value: string, counts: (tag: Tag) => boolean): '*' | readonly string[] {
  if (/^[ \t]*\*[ \t]*$/.test(value)) return '*'
  const list = parseTags(value)
  if (list === undefined || list.length === 0) {
    throw new StoreError(
      'invalid_request',
      `${name} must be * or a list of entity tags, such as "abc", "def".`,
    )
  }
  return list.filter(counts).map((tag) => tag.opaque)
}

/** Undefined if it is no list of entity tags. */
function parseTags(text: string): readonly Tag[] | undefined {
  const list: Tag[] = []
  for (let at = 0; at < text.length; at = element.lastIndex) {
    element.lastIndex = at
    const groups = element.exec(text)?.groups
    if (!groups) return undefined
    const { weak, opaque } = groups
    if (opaque !== undefined) list.push({ isWeak: weak !== undefined, opaque })
  }
  return list
}
