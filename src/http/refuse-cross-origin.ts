import type { Middleware } from 'koa'
import { StoreError } from '../model/errors.ts'
import { isAllowedOrigin, type AllowedOrigins } from './allowed-origins.ts'
import type { RequestState } from './context.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Keeps web pages from elsewhere, except from the allowed origins, from changing anything through the browser of somebody who can
 * reach this server: a browser names the page's origin, and other clients name none (RFC 6454, 7).
 */
export function refuseCrossOrigin(allowed: AllowedOrigins): Middleware<RequestState> {
  return (ctx, next) => {
    const origin = ctx.get('Origin')
    // RFC 9112, 3.2.2: with an absolute-form target, "the origin server MUST ignore the received Host header field".
    const host = ctx.state.target.authority ?? ctx.get('Host')
    const isForeign = origin !== '' && hostOf(origin) !== host.toLowerCase()
    if (isForeign && !safeMethods.has(ctx.method) && !isAllowedOrigin(allowed, origin)) {
      throw new StoreError('cross_origin', `A page of ${origin} may not change anything here.`)
    }
    return next()
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
