import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Middleware } from 'koa'
import { StoreError } from '../../model/errors.ts'
import type { RequestState } from './context.ts'

const waiting = new WeakMap<IncomingMessage, ServerResponse>()
const unmet = new WeakSet<IncomingMessage>()

/**
 * Lets requests with `Expect: 100-continue` through to the application without the go-ahead: what
 * can be refused by its headers is refused before the body is sent (RFC 9110, 10.1.1).
 */
export function deferContinue(server: Server): void {
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    waiting.set(req, res)
    server.emit('request', req, res)
  })
  // Without a listener Node answers by itself, without a body that says why.
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    unmet.add(req)
    server.emit('request', req, res)
  })
}

/**
 * RFC 9110, 10.1.1: "A server that receives an Expect field value containing a member other than
 * 100-continue MAY respond with a 417 (Expectation Failed) status code".
 */
export function refuseExpectations(): Middleware<RequestState> {
  return (ctx, next) => {
    if (unmet.has(ctx.req)) {
      throw new StoreError(
        'expectation_failed',
        'The server supports no other expectation than 100-continue: leave out Expect.',
      )
    }
    return next()
  }
}

/**
 * Call when the body is wanted: tells a client that waits to go ahead, and returns the request.
 */
export function continued(req: IncomingMessage): IncomingMessage {
  waiting.get(req)?.writeContinue()
  waiting.delete(req)
  return req
}
