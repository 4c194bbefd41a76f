import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { StoreError } from '../model/errors.ts'

interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/**
 * Ends the connection of a client that makes no progress for `stallTimeoutMs`: sends nothing of a body that is
 * being read, or takes nothing of what is written. While the server itself is what both wait for, the
 * client has all the time it needs. `onCutOff` is told each time.
 */
export function cutOffStalled(server: Server, stallTimeoutMs: number, onCutOff: () => void): void {
  const exchanges = new WeakMap<Socket, Exchange>()
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    exchanges.set(req.socket, { req, res })
    res.once('close', () => exchanges.delete(req.socket))
  })
  server.setTimeout(stallTimeoutMs, (socket: Socket) => {
    const exchange = exchanges.get(socket)
    if (exchange && !isWaitingForClient(exchange)) {
      socket.setTimeout(stallTimeoutMs)
      return
    }
    if (exchange) onCutOff()
    const isReading = exchange && !exchange.req.complete && !exchange.res.headersSent
    if (isReading && exchange.req.listenerCount('error') > 0) {
      // Whoever reads the body fails with it, and answers 408 before the connection ends.
      exchange.req.emit('error', new StoreError('timeout', 'The body stopped coming: send it again.'))
    } else {
      socket.destroy()
    }
  })
}

function isWaitingForClient({ req, res }: Exchange): boolean {
  return res.writableLength > 0 || (!req.complete && !req.isPaused() && req.listenerCount('data') > 0)
}
