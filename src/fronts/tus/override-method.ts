import type { Middleware } from 'koa'
import type { RequestState } from '../../http/server/context.ts'
import { tusVersion } from './tus-route.ts'

/**
 * Speaks tus wherever a path is one of uploads, whether or not anything is there, and in the method
 * that is meant. "The X-HTTP-Method-Override request header MUST be a string which MUST be
 * interpreted as the request's method by the Server, if the header is presented. The actual method
 * of the request MUST be ignored."
 */
export function overrideMethod(): Middleware<RequestState> {
  return async (ctx, next) => {
    if (!/^\/uploads(?:\/|$)/.test(ctx.state.target.path)) {
      await next()
      return
    }
    // "The Tus-Resumable header MUST be included in every request and response except for OPTIONS
    // requests."
    ctx.state.always['Tus-Resumable'] = tusVersion
    ctx.set('Tus-Resumable', tusVersion)
    const actual = ctx.method
    ctx.method = ctx.get('X-HTTP-Method-Override').toUpperCase() || actual
    try {
      await next()
    } catch (error) {
      // Whether a problem is told in a body depends on what the client is waiting for.
      ctx.method = actual
      throw error
    }
  }
}
