import type { Middleware } from 'koa'
import { headersOf, type Route } from '../route.ts'
import type { RequestState } from '../server/context.ts'

/**
 * Read by authenticating proxies, added to requests by libraries, or read before a route is known.
 */
const alwaysRead = ['Authorization', 'X-CSRF-Token', 'X-Requested-With', 'X-Request-Id']

/** Sent by what stands in front of routes. */
const sentByAll = ['Accept-Encoding', 'Allow', 'Retry-After', 'X-Request-Id']

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
export function restrictReaders(origins: AllowedOrigins, routes: readonly Route[]): Middleware<RequestState> {
  // Fetch, "CORS-safelisted response-header name": a page sees others only if they are exposed.
  const exposed = [...sentByAll, ...headersOf(routes, 'sends')].join(', ')
  return (ctx, next) => {
    const headers = origins.length === 0 ? alwaysSent : headersFor(origins, ctx.get('Origin'), exposed)
    for (const [name, value] of Object.entries(headers)) ctx.res.setHeader(name, value)
    Object.assign(ctx.state.always, headers)
    return next()
  }
}

/**
 * Answers what a browser asks before it sends a request of such a page (a preflight), at any
 * address.
 */
export function answerPreflights(
  origins: AllowedOrigins,
  routes: readonly Route[],
): Middleware<RequestState> {
  const methods = [...new Set(routes.map(({ method }) => method)), 'HEAD', 'OPTIONS']
  const answer = {
    'Access-Control-Allow-Methods': [...new Set(methods)].join(', '),
    'Access-Control-Allow-Headers': [...alwaysRead, ...headersOf(routes, 'reads')].join(', '),
    'Access-Control-Max-Age': String(maxAgeSeconds),
  }
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
    ctx.set(answer)
  }
}

function headersFor(
  origins: AllowedOrigins,
  origin: string,
  exposedHeaders: string,
): Readonly<Record<string, string>> {
  const exposed = {
    ...alwaysSent,
    'Access-Control-Expose-Headers': exposedHeaders,
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
