import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import type { Caller } from '../../model/principal.ts'
import type { Failure, HttpContext, RequestState } from '../server/context.ts'
import { authorityIn, parseRequestTarget, type RequestTarget } from '../headers/request-target.ts'
import type { EndedRequest, HttpMetrics } from '../server/metrics.ts'
import type { Site } from '../site/site.ts'

const quietPaths = new Set(['/healthz', '/readyz', '/metrics'])

interface Traffic {
  readonly received: number
  readonly sent: number
}

/** What has been counted of a connection: its first bytes are there before its first request is. */
const counted = new WeakMap<Socket, Traffic>()

/** Longer paths are cut: clients must not be able to fill the disk with log lines. */
const loggedCharacters = 512

/**
 * Gives each request an id (a new one, or the one it came with) and a log with that id. Counts the
 * request when its answer ends, and logs one line, with the failure if any, once the server is done
 * with it as well.
 */
export function observe(
  log: Logger,
  metrics: HttpMetrics,
  site: Site,
  which: 'all' | 'errors' = 'all',
): Middleware<RequestState> {
  return async (ctx, next) => {
    const begun = performance.now()
    const { req, res } = ctx
    const requestId = requestIdOf(req.headers)
    ctx.state = new ObservedRequest(requestId, log, site, req)
    ctx.set('X-Request-Id', requestId)
    const { socket } = req
    // Ask now: a closed socket no longer knows.
    const client = site.clientAddress(req) ?? 'unknown'
    const closed = Promise.withResolvers<Omit<EndedRequest, 'method'>>()
    metrics.begin()
    res.once('close', () => {
      const ms = performance.now() - begun
      const { received, sent } = countTraffic(socket)
      const ended = { status: res.statusCode, ms, received, sent, isComplete: res.writableFinished }
      metrics.end({ method: req.method ?? '', ...ended })
      closed.resolve(ended)
    })
    try {
      await next()
    } finally {
      void closed.promise.then((ended) => logRequest(log, which, ctx, client, ended))
    }
  }
}

function logRequest(
  log: Logger,
  which: 'all' | 'errors',
  { req, state }: HttpContext,
  client: string,
  { ms, ...ended }: Omit<EndedRequest, 'method'>,
): void {
  const { method, url = '' } = req
  const { level, detail, ...failure } = state.failure ?? { level: quietPaths.has(url) ? 'debug' : 'info' }
  if (which === 'errors' && level !== 'error' && level !== 'warn') return
  const { requestId } = state
  const rounded = Math.round(ms * 10) / 10
  const what = { requestId, client, method, url: loggedPath(url), ...ended, ms: rounded, ...failure }
  log[level](detail === undefined ? what : { ...what, detail: cut(detail) }, 'request')
}

/** Without the query and the authority of an absolute-form target: both may contain secrets. */
function loggedPath(url: string): string {
  return cut(originForm(url).replace(/[?#].*$/s, ''))
}

function cut(text: string): string {
  return text.length > loggedCharacters ? `${text.slice(0, loggedCharacters)}…` : text
}

class ObservedRequest implements RequestState {
  readonly always: Record<string, string> = {}
  readonly requestId: string
  readonly site: Site
  readonly host: string
  caller!: Caller
  target!: RequestTarget
  failure?: Failure
  readonly #serverLog: Logger
  #log: Logger | undefined

  constructor(requestId: string, serverLog: Logger, site: Site, { url = '/', headers }: IncomingMessage) {
    this.requestId = requestId
    this.site = site
    this.host = authorityIn(url) ?? headers.host ?? ''
    this.#serverLog = serverLog
  }

  /**
   * Created on demand: most requests log nothing else, and a child logger costs as much as a line.
   */
  get log(): Logger {
    this.#log ??= this.#serverLog.child({ requestId: this.requestId })
    return this.#log
  }
}

/** Takes the request target apart once for all, and leaves it in origin-form. */
export function parseTarget(): Middleware<RequestState> {
  return (ctx, next) => {
    const target = parseRequestTarget(ctx.req.url ?? '/')
    // Koa and its router would take it apart once more, in another way, and throw at some of what
    // stands before the path.
    if (target.authority !== undefined) ctx.req.url = originForm(ctx.req.url ?? '/')
    ctx.state.target = target
    return next()
  }
}

function originForm(absoluteForm: string): string {
  const rest = absoluteForm.replace(/^[a-z]+:\/\/[^/?]*/i, '')
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Bytes since the last request of the connection was counted. */
function countTraffic(socket: Socket): Traffic {
  const before = counted.get(socket) ?? { received: 0, sent: 0 }
  const now = { received: socket.bytesRead, sent: socket.bytesWritten }
  counted.set(socket, now)
  return { received: now.received - before.received, sent: now.sent - before.sent }
}

/** The id that the request came with, or a new one if it has none that can be logged. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}
