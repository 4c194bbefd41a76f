import type { IncomingHttpHeaders } from 'node:http'
import type { StoredFile } from '../../model/file.ts'
import { parseStrongTag, readPrecondition } from './etags.ts'
import { parseHttpDate } from './http-date.ts'

type Validators = Pick<StoredFile, 'digest' | 'modifiedAt'>

/**
 * What the conditions in the headers of a GET or HEAD say of the file: send it, 304 or 412, in the order of
 * RFC 9110, 13.2.2. Throws `invalid_request` on a malformed list of entity tags.
 */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  file: Validators,
): 'proceed' | 'not_modified' | 'precondition_failed' {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSince } = readPrecondition(headers)
  const modified = lastModified(file)
  // Step 1: "When … If-Match is present, evaluate"; step 2: "and If-Match is not present, and If-Unmodified-Since is".
  if (ifMatch !== undefined) {
    if (ifMatch !== '*' && !ifMatch.includes(file.digest)) return 'precondition_failed'
  } else if (ifUnmodifiedSince !== undefined && modified > ifUnmodifiedSince) {
    return 'precondition_failed'
  }
  // Step 3: If-None-Match; step 4: "When the method is GET or HEAD, If-None-Match is not present, and
  // If-Modified-Since is present".
  if (ifNoneMatch !== undefined) {
    return ifNoneMatch === '*' || ifNoneMatch.includes(file.digest) ? 'not_modified' : 'proceed'
  }
  // 13.1.3: "MUST ignore … if the received field value is not a valid HTTP-date".
  const modifiedSince = dateIn(headers['if-modified-since'])
  return modifiedSince !== undefined && modified <= modifiedSince ? 'not_modified' : 'proceed'
}

/**
 * Whether a `Range` header counts (RFC 9110, 13.1.5): without `If-Range`, or if that names the file as it is now. What
 * cannot be read names nothing, so the whole file is sent, which is right in any case.
 */
export function ifRangeHolds(header: string | undefined, file: Validators): boolean {
  if (header === undefined) return true
  // "If the HTTP-date validator provided exactly matches the Last-Modified field value …, the condition is true."
  const date = parseHttpDate(header)
  if (date !== undefined) return date === lastModified(file)
  // "exactly matches … using the strong comparison function".
  return parseStrongTag(header) === file.digest
}

/** RFC 9110, 8.8.2: Last-Modified is in whole seconds; the fraction goes, for it must not lie in the future. */
function lastModified({ modifiedAt }: Validators): number {
  return Math.floor(modifiedAt / 1000) * 1000
}

function dateIn(header: string | undefined): number | undefined {
  return header === undefined ? undefined : parseHttpDate(header)
}
