import type { Middleware } from 'koa'
import { StoreError } from '../../model/errors.ts'
import { isAllowedOrigin, type AllowedOrigins } from './allow-cross-origin.ts'
import type { RequestState } from '../server/context.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses changes by pages of other origins than our own and the allowed ones. Browsers name the
 * page's origin, other clients name none (RFC 6454, 7).
 */
export function refuseCrossOrigin(allowed: AllowedOrigins): Middleware<RequestState> {
  return (ctx, next) => {
    const origin = ctx.get('Origin')
    if (origin === '' || safeMethods.has(ctx.method) || isAllowedOrigin(allowed, origin)) return next()
    if (ctx.state.site.isOwnOrigin(ctx, origin)) return next()
    throw new StoreError(
      'cross_origin',
      'Pages of this origin may not change files here. If a proxy serves Ashlar at this origin, set --public-url or --trusted-proxies; to allow another site, add it to --cors-origins.',
    )
  }
}
