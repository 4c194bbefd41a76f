import type { Middleware } from 'koa'
import type { RequestState } from '../server/context.ts'

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * All request headers in use that a page may not send freely (Fetch, "CORS-safelisted
 * request-header").
 */
const readHeaders = [
  // Read by authenticating proxies, or added to every request by libraries.
  'Authorization',
  'X-CSRF-Token',
  'X-Requested-With',
  // Read by routes.
  'Content-Type',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Range',
  'Range',
  'If-Match',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'If-Unmodified-Since',
  'Content-Digest',
  'Content-MD5',
  'Repr-Digest',
  'Tus-Resumable',
  'Upload-Checksum',
  'Upload-Complete',
  'Upload-Concat',
  'Upload-Defer-Length',
  'Upload-Draft-Interop-Version',
  'Upload-Incomplete',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-HTTP-Method-Override',
  'X-Request-Id',
]

/**
 * All answer headers that a page sees only if they are exposed (Fetch, "CORS-safelisted
 * response-header name").
 */
const sentHeaders = [
  'Accept-Encoding',
  'Accept-Patch',
  'Accept-Post',
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Location',
  'Content-Range',
  'ETag',
  'Location',
  'Retry-After',
  'Tus-Checksum-Algorithm',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Complete',
  'Upload-Concat',
  'Upload-Defer-Length',
  'Upload-Draft-Interop-Version',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Limit',
  'Upload-Metadata',
  'Upload-Offset',
  'X-Request-Id',
]

/** On answers that pages of other origins may not read. */
export const alwaysSent: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** How long browsers may cache a preflight; none caches it for much longer. */
const maxAgeSeconds = 7200

/**
 * Marks every answer, problems too, as readable only by our own pages and those of these origins,
 * without credentials. Other pages cannot even embed it, and no browser guesses another media type.
 */
export function restrictReaders(origins: AllowedOrigins): Middleware<RequestState> {
  return (ctx, next) => {
    const headers = origins.length === 0 ? alwaysSent : headersFor(origins, ctx.get('Origin'))
    for (const [name, value] of Object.entries(headers)) ctx.res.setHeader(name, value)
    Object.assign(ctx.state.always, headers)
    return next()
  }
}

/**
 * Answers what a browser asks before it sends a request of such a page (a preflight), at any
 * address.
 */
export function answerPreflights(origins: AllowedOrigins): Middleware<RequestState> {
  return async (ctx, next) => {
    const origin = ctx.get('Origin')
    // Fetch, "HTTP requests": "A CORS-preflight request … uses `OPTIONS` as method and includes"
    // this header. Any other OPTIONS asks what the address itself can do.
    const isPreflight = ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== ''
    if (!isPreflight || origin === '' || !isAllowedOrigin(origins, origin)) {
      await next()
      return
    }
    ctx.status = 204
    ctx.set({
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Allow-Headers': readHeaders.join(', '),
      'Access-Control-Max-Age': String(maxAgeSeconds),
    })
  }
}

function headersFor(origins: AllowedOrigins, origin: string): Readonly<Record<string, string>> {
  const exposed = {
    ...alwaysSent,
    'Access-Control-Expose-Headers': sentHeaders.join(', '),
    'Cross-Origin-Resource-Policy': 'cross-origin',
  }
  if (origins === '*') return { 'Access-Control-Allow-Origin': '*', ...exposed }
  // Fetch, "CORS protocol and HTTP caches": "If CORS protocol requirements are more complicated
  // than setting `Access-Control-Allow-Origin` to * or a static origin, `Vary` is to be used": also
  // towards those who are not allowed.
  const varying = { Vary: 'Origin' }
  if (!isAllowedOrigin(origins, origin)) return { ...alwaysSent, ...varying }
  return { 'Access-Control-Allow-Origin': origin, ...exposed, ...varying }
}

/**
 * Origins whose pages may use this server from a browser, just as browsers name them; `*` for all.
 */
export type AllowedOrigins = '*' | readonly string[]

export function isAllowedOrigin(origins: AllowedOrigins, origin: string): boolean {
  return origins === '*' || origins.includes(origin)
}
