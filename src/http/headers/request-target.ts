import { StoreError } from '../../model/errors.ts'

export interface RequestTarget {
  /**
   * Percent-decoded, and nothing else: `..`, `//` and a decoded `/` are left for who reads it to
   * refuse.
   */
  readonly path: string
  readonly query: URLSearchParams
  /** Host and port of an absolute-form target, which stand in for the `Host` header. */
  readonly authority?: string
}

const absoluteForm = /^https?:\/\/([^/?@]+)(?=[/?]|$)/i

/**
 * RFC 9112, 3.2.2: with an absolute-form target, "the origin server MUST ignore the received Host
 * header field".
 */
export function authorityIn(target: string): string | undefined {
  return absoluteForm.exec(target)?.[1]
}

/**
 * Takes apart what stands in the request line, in origin-form or absolute-form. Throws
 * `invalid_request` on anything else, and on escapes that are malformed or not UTF-8.
 */
export function parseRequestTarget(target: string): RequestTarget {
  // RFC 9112, 3.2: a request-target is made of URI characters. RFC 3986, 2: those are printable
  // ASCII.
  if (!/^[\x21-\x7e]*$/.test(target)) {
    throw invalid('The request address must be ASCII: percent-encode other characters as UTF-8.')
  }
  // RFC 9110, 4.2.5: the fragment is not part of the request.
  if (target.includes('#')) throw invalid('Write # in the address of a request as %23.')
  // RFC 9112, 3.2.2: "a server MUST accept the absolute-form in requests"; RFC 9110, 4.2.4: user
  // information in it is to be treated as an error.
  const [origin, authority] = absoluteForm.exec(target) ?? ['']
  const rest = target.slice(origin.length)
  const mark = rest.indexOf('?')
  const path = mark < 0 ? rest : rest.slice(0, mark)
  const query = mark < 0 ? '' : rest.slice(mark + 1)
  // RFC 9112, 3.2.1: an empty path is sent as "/", which absolute-form need not do.
  const isEmptyPath = path === '' && authority !== undefined
  if (!path.startsWith('/') && !isEmptyPath) {
    throw invalid('The address of a request must be a path that begins with /, or an http or https URL.')
  }
  // URLSearchParams would keep what cannot be decoded, or put U+FFFD in its place.
  decode(query)
  return {
    path: isEmptyPath ? '/' : decode(path),
    query: new URLSearchParams(query),
    ...(authority !== undefined && { authority }),
  }
}

function decode(escaped: string): string {
  try {
    return decodeURIComponent(escaped)
  } catch (error) {
    throw new StoreError(
      'invalid_request',
      'The address of the request has an escape that is malformed or not UTF-8; write % itself as %25.',
      { cause: error },
    )
  }
}

function invalid(message: string): StoreError {
  return new StoreError('invalid_request', message)
}
