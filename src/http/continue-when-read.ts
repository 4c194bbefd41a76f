import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/**
 * Lets requests with `Expect: 100-continue` through to the application without the go-ahead: what can be refused by its
 * headers is refused before the body is sent (RFC 9110, 10.1.1).
 */
export function deferContinue(server: Server): void {
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    waiting.set(req, res)
    server.emit('request', req, res)
  })
}

/** The request, whose body is wanted now: tells a client that waits to go ahead. */
export function continued(req: IncomingMessage): IncomingMessage {
  waiting.get(req)?.writeContinue()
  waiting.delete(req)
  return req
}
