import type { Middleware } from 'koa'
import type { RequestState } from '../server/context.ts'

/** What the server takes at one address or another. */
const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

/**
 * RFC 9110, 9.3.7: "An OPTIONS request with an asterisk ("*") as the request target … applies to
 * the server in general".
 */
export function answerForAll(): Middleware<RequestState> {
  return (ctx, next) => {
    if (ctx.method !== 'OPTIONS' || ctx.req.url !== '*') return next()
    ctx.status = 204
    ctx.set('Allow', methods.join(', '))
    return Promise.resolve()
  }
}
