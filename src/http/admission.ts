import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import type { Connections } from './connections.ts'
import type { RequestState } from './context.ts'
import { HttpProblem } from './render-errors.ts'

export interface AdmissionLimits {
  /** Requests in progress, the whole server. */
  readonly maxRequests: number
  /** Requests in progress of one client, once more than half of `maxRequests` are: no bound unless given. */
  readonly maxRequestsPerClient?: number
  /** Requests of one connection that have not been answered. */
  readonly maxPipelinedRequests: number
}

const refusals = new WeakMap<IncomingMessage, HttpProblem>()

/**
 * Decides whether a request that has just begun is handled at all: false if its connection was ended instead. One that is handled
 * may still be refused, by `refuseUnadmitted`. `ofClient` is how many requests of its client run, with this one.
 */
export function admit(
  req: IncomingMessage,
  connections: Connections,
  ofClient: number,
  limits: AdmissionLimits,
): boolean {
  const { socket } = req
  // What came behind, in the same packet, is still parsed.
  if (socket.destroyed) return false
  if (connections.waiting(socket) > limits.maxPipelinedRequests) {
    // Answers leave in order: a refusal would be one more that waits.
    socket.destroy()
    return false
  }
  const isSurplus = connections.isSurplus(socket)
  if (isSurplus || connections.running > limits.maxRequests) {
    const what = isSurplus ? 'connections' : 'requests'
    const headers = isSurplus ? { Connection: 'close' } : {}
    refusals.set(
      req,
      new HttpProblem('overloaded', `The server has as many ${what} as it takes: try again later.`, headers),
    )
  } else if (isPastShare(connections.running, ofClient, limits)) {
    // It would be let in to wait for others: its connection is the first to give way.
    connections.yield(socket)
    const message = 'This client has as many requests as one may have while there are many: try again later.'
    refusals.set(req, new HttpProblem('overloaded', message, { Connection: 'close' }))
  }
  return true
}

function isPastShare(running: number, ofClient: number, limits: AdmissionLimits): boolean {
  const { maxRequests, maxRequestsPerClient = Infinity } = limits
  return running > maxRequests / 2 && ofClient > maxRequestsPerClient
}

/** Refuses what is too much for the server, before anybody looks at what it asks for. */
export function refuseUnadmitted(): Middleware<RequestState> {
  return (ctx, next) => {
    const refusal = refusals.get(ctx.req)
    if (refusal) throw refusal
    return next()
  }
}
