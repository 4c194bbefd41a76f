import { Readable } from 'node:stream'
import type { Middleware } from 'koa'
import type { RequestState } from '../server/context.ts'

/**
 * Ends JSON with a newline, as problems do, so that a shell's prompt starts on a line of its own.
 */
export function writeJson(): Middleware<RequestState> {
  return async (ctx, next) => {
    await next()
    const { body } = ctx
    const isJson =
      typeof body === 'object' && body !== null && !(body instanceof Readable) && !Buffer.isBuffer(body)
    if (!isJson) return
    const { status } = ctx
    ctx.type = 'json'
    ctx.body = `${JSON.stringify(body)}\n`
    ctx.status = status
  }
}
