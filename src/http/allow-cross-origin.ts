import type { Middleware } from 'koa'
import { isAllowedOrigin, type AllowedOrigins } from './allowed-origins.ts'
import type { RequestState } from './context.ts'

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']

/** All that routes read and that a page may not send, or not with any value, without asking (Fetch, "CORS-safelisted request-header"). */
const readHeaders = [
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
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-HTTP-Method-Override',
  'X-Request-Id',
]

/** All that answers have and that a page may not see unless told so (Fetch, "CORS-safelisted response-header name"). */
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

/** Browsers need not ask again for so long; none of them remembers an answer for much longer. */
const maxAgeSeconds = 7200

/**
 * Lets pages of these origins use everything from a browser, and read every answer, problems too; never with credentials. Answers
 * what a browser asks beforehand (a preflight) itself, at any address.
 */
export function allowCrossOrigin(origins: AllowedOrigins): Middleware<RequestState> {
  return async (ctx, next) => {
    const origin = ctx.get('Origin')
    if (origins.length > 0) {
      const headers = headersFor(origins, origin)
      ctx.set(headers)
      Object.assign(ctx.state.always, headers)
    }
    // Fetch, "HTTP requests": "A CORS-preflight request … uses `OPTIONS` as method and includes" this header. Any other OPTIONS
    // asks what the address itself can do.
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

function headersFor(origins: AllowedOrigins, origin: string): Record<string, string> {
  const exposed = { 'Access-Control-Expose-Headers': sentHeaders.join(', ') }
  if (origins === '*') return { 'Access-Control-Allow-Origin': '*', ...exposed }
  // Fetch, "CORS protocol and HTTP caches": "If CORS protocol requirements are more complicated than setting
  // `Access-Control-Allow-Origin` to * or a static origin, `Vary` is to be used": also towards those who are not allowed.
  const varying = { Vary: 'Origin' }
  if (!isAllowedOrigin(origins, origin)) return varying
  return { 'Access-Control-Allow-Origin': origin, ...exposed, ...varying }
}
