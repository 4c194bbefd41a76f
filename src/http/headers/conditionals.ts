import type { IncomingHttpHeaders } from 'node:http'
import type { StoredFile } from '../../model/file.ts'
import { contentsIn, downloadTagOf, listsTag, parseStrongTag } from './etags.ts'
import { parseHttpDate } from './http-date.ts'

type Validators = Pick<StoredFile, 'digest' | 'createdAt' | 'modifiedAt'>

/**
 * What the conditions in the headers of a GET or HEAD say of the file: send it, 304 or 412, in the
 * order of RFC 9110, 13.2.2. A condition that cannot be read counts as absent, so the file is sent.
 */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  file: Validators,
): 'proceed' | 'not_modified' | 'precondition_failed' {
  if (!isExpected(headers, file)) return 'precondition_failed'
  const ifNoneMatch = headers['if-none-match']
  // Step 3: If-None-Match; step 4: "When the method is GET or HEAD, If-None-Match is not present,
  // and If-Modified-Since is present".
  if (ifNoneMatch !== undefined) {
    return listsTag(ifNoneMatch, downloadTagOf(file)) ? 'not_modified' : 'proceed'
  }
  // 13.1.3: "MUST ignore … if the received field value is not a valid HTTP-date".
  const modifiedSince = dateIn(headers['if-modified-since'])
  return modifiedSince !== undefined && lastModified(file) <= modifiedSince ? 'not_modified' : 'proceed'
}

/**
 * Step 1: "When … If-Match is present, evaluate"; step 2: "and If-Match is not present, and
 * If-Unmodified-Since is".
 */
function isExpected(headers: IncomingHttpHeaders, file: Validators): boolean {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    const contents = contentsIn(ifMatch)
    return contents === undefined || contents === '*' || contents.includes(file.digest)
  }
  const unmodifiedSince = dateIn(headers['if-unmodified-since'])
  return unmodifiedSince === undefined || lastModified(file) <= unmodifiedSince
}

/**
 * Whether a `Range` header counts (RFC 9110, 13.1.5): without `If-Range`, or if that names the file
 * as it is now. What cannot be read names nothing, so the whole file is sent, which is right in any
 * case.
 */
export function ifRangeHolds(header: string | undefined, file: Validators, now = Date.now()): boolean {
  if (header === undefined) return true
  const date = parseHttpDate(header)
  if (date === undefined) {
    // "exactly matches … using the strong comparison function".
    const tag = parseStrongTag(header)
    return tag !== undefined && `"${tag}"` === downloadTagOf(file)
  }
  // "If the HTTP-date validator provided is not a strong validator in the sense defined by Section
  // 8.8.2.2, the condition is false": while its second lasts, the file can be replaced by another
  // with the same date.
  return date === lastModified(file) && Math.floor(now / 1000) * 1000 > date
}

/**
 * RFC 9110, 8.8.2: Last-Modified is in whole seconds; the fraction goes, for it must not lie in the
 * future.
 */
function lastModified({ modifiedAt }: Validators): number {
  return Math.floor(modifiedAt / 1000) * 1000
}

function dateIn(header: string | undefined): number | undefined {
  return header === undefined ? undefined : parseHttpDate(header)
}
