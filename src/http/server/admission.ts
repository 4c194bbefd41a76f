import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import type { Connections } from './connections.ts'
import type { RequestState } from './context.ts'
import { HttpProblem } from '../middleware/render-errors.ts'

export interface AdmissionLimits {
  /** Requests in progress, the whole server. */
  readonly maxRequests: number
  /**
   * Requests in progress per client while more than half of `maxRequests` are; unlimited if absent.
   */
  readonly maxRequestsPerClient?: number
  /** Unanswered requests of one connection. */
  readonly maxPipelinedRequests: number
}

const refusals = new WeakMap<IncomingMessage, HttpProblem>()

/**
 * Decides whether to handle a new request: false if its connection was ended instead.
 * `refuseUnadmitted` may still refuse it. `ofClient` is the number of running requests of this
 * client, including this one.
 */
export function admit(
  req: IncomingMessage,
  connections: Connections,
  ofClient: number,
  limits: AdmissionLimits,
): boolean {
  const { socket } = req
  // Requests later in the same packet are still parsed.
  if (socket.destroyed) return false
  if (connections.waiting(socket) > limits.maxPipelinedRequests) {
    // Answers are sent in order: a refusal would only join the queue.
    socket.destroy()
    return false
  }
  const isSurplus = connections.isSurplus(socket)
  if (isSurplus || connections.running > limits.maxRequests) {
    const what = isSurplus ? 'connections' : 'requests'
    const headers = isSurplus ? { Connection: 'close' } : {}
    refusals.set(
      req,
      new HttpProblem('overloaded', `The server is at its limit of ${what}: try again later.`, headers),
    )
  } else if (isPastShare(connections.running, ofClient, limits)) {
    // Its connection is the first to be closed when another client needs one.
    connections.yield(socket)
    const message = 'This client is at its limit of requests while the server is busy: try again later.'
    refusals.set(req, new HttpProblem('overloaded', message, { Connection: 'close' }))
  }
  return true
}

function isPastShare(running: number, ofClient: number, limits: AdmissionLimits): boolean {
  const { maxRequests, maxRequestsPerClient = Infinity } = limits
  return running > maxRequests / 2 && ofClient > maxRequestsPerClient
}

/** Refuses requests over a limit before looking at them. */
export function refuseUnadmitted(): Middleware<RequestState> {
  return (ctx, next) => {
    const refusal = refusals.get(ctx.req)
    if (refusal) throw refusal
    return next()
  }
}
