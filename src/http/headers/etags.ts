import type { IncomingHttpHeaders } from 'node:http'
import type { Precondition } from '../../catalog/catalog.ts'
import type { Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import { parseHttpDate } from './http-date.ts'

// RFC 9110, 8.8.3: entity-tag = [ weak ] opaque-tag, "weak = %s"W/" ; case-sensitive"; 5.6.1.2 lets
// list elements be empty.
const element = /[ \t]*(?:(?<weak>W\/)?"(?<opaque>[\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y

/** The strong entity tag of the content with this digest (RFC 9110, 8.8.3). */
export function etagOf(digest: Digest): string {
  return `"${digest}"`
}

/**
 * The entity tag that a download carries: that of the content, and another one once the file has
 * been changed by PATCH. RFC 9110, 8.8.1: a strong validator may change "when a semantically
 * significant part of the representation metadata is changed (e.g., Content-Type)". Otherwise
 * caches would keep serving the old media type.
 */
export function downloadTagOf(file: Pick<StoredFile, 'digest' | 'createdAt' | 'modifiedAt'>): string {
  const { digest, createdAt, modifiedAt } = file
  return modifiedAt === createdAt ? etagOf(digest) : `"${digest}-${modifiedAt.toString(36)}"`
}

/** The digest in a tag that `downloadTagOf` made; any other tag as it is. */
function contentOf(tag: string): string {
  return /^([\da-f]{64})-[\da-z]+$/.exec(tag)?.[1] ?? tag
}

/**
 * What `If-Match`, `If-None-Match` and `If-Unmodified-Since` demand of the content; nothing if none
 * of them was sent. Throws `invalid_request` if one of the first two is neither `*` nor a list of
 * entity tags.
 */
export function readPrecondition(headers: IncomingHttpHeaders): Precondition {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  // RFC 9110, 13.1.4: "MUST ignore If-Unmodified-Since if the request contains an If-Match header
  // field", and "if the received field value is not a valid HTTP-date".
  const ifUnmodifiedSince = ifMatch === undefined && parseHttpDate(headers['if-unmodified-since'] ?? '')
  return {
    // RFC 9110, 13.1.1: "MUST use the strong comparison function", which a weak tag never passes
    // (8.8.3.2).
    ...(ifMatch !== undefined && {
      ifMatch: tags('If-Match', ifMatch, (tag) => !tag.isWeak),
    }),
    // RFC 9110, 13.1.2: "MUST use the weak comparison function": only what stands in the quotes
    // counts.
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

/**
 * Whether a list of entity tags has this one by weak comparison, or is `*`. A malformed list has no
 * tags: it must not make a file unreadable.
 */
export function listsTag(list: string, tag: string): boolean {
  if (isAny(list)) return true
  return parseTags(list)?.some(({ opaque }) => `"${opaque}"` === tag) ?? false
}

/**
 * The contents that a readable `If-Match` allows, by strong comparison; undefined if it cannot be
 * read.
 */
export function contentsIn(list: string): '*' | readonly string[] | undefined {
  if (isAny(list)) return '*'
  return parseTags(list)
    ?.filter((tag) => !tag.isWeak)
    .map((tag) => contentOf(tag.opaque))
}

function isAny(list: string): boolean {
  return /^[ \t]*\*[ \t]*$/.test(list)
}

interface Tag {
  readonly isWeak: boolean
  readonly opaque: string
}

function tags(name: string, value: string, counts: (tag: Tag) => boolean): '*' | readonly string[] {
  if (isAny(value)) return '*'
  const list = parseTags(value)
  // RFC 9110, 5.6.1.2: elements of a list may be empty, and so may the whole list.
  if (list === undefined) {
    throw new StoreError(
      'invalid_request',
      `${name} must be * or a list of entity tags, such as "abc", "def".`,
    )
  }
  return list.filter(counts).map((tag) => contentOf(tag.opaque))
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
