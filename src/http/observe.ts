import { randomUUID } from 'node:crypto'
import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import type { RequestState } from './context.ts'
import { parseRequestTarget } from './headers/request-target.ts'
import type { HttpMetrics } from './metrics.ts'

const quietPaths = new Set(['/healthz', '/readyz', '/metrics'])

/** Gives each request an id, its own or the one that it came with, a log with that id, and one line and one count at its end. */
export function observe(log: Logger, metrics: HttpMetrics): Middleware<RequestState> {
  return async (ctx, next) => {
    const begun = performance.now()
    const { req, res } = ctx
    const requestId = requestIdOf(ctx.get('X-Request-Id'))
    const requestLog = log.child({ requestId })
    Object.assign(ctx.state, { requestId, log: requestLog })
    ctx.set('X-Request-Id', requestId)
    const { socket } = req
    const [readBefore, writtenBefore] = [socket.bytesRead, socket.bytesWritten]
    metrics.begin()
    res.once('close', () => {
      const ms = performance.now() - begun
      const received = socket.bytesRead - readBefore
      const sent = socket.bytesWritten - writtenBefore
      const isComplete = res.writableFinished
      metrics.end({ method: req.method ?? '', status: res.statusCode, ms, received, sent, isComplete })
      requestLog[quietPaths.has(ctx.path) ? 'debug' : 'info'](
        {
          method: req.method,
          url: req.url,
          status: res.statusCode,
          ms: Math.round(ms * 10) / 10,
          received,
          sent,
          isComplete,
        },
        'request',
      )
    })
    await next()
  }
}

/** Takes the request target apart once for all. */
export function parseTarget(): Middleware<RequestState> {
  return (ctx, next) => {
    Object.assign(ctx.state, { target: parseRequestTarget(ctx.req.url ?? '/') })
    return next()
  }
}

function requestIdOf(given: string): string {
  return /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}
