import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { StoreError } from '../model/errors.ts'
import type { Connections, Exchange } from './connections.ts'

/**
 * Ends the connection of a client that makes no progress for `stallTimeoutMs`: sends nothing of a body that is
 * being read, or takes nothing of what is written. While the server itself is what both wait for, the
 * client has all the time it needs. `onCutOff` is told each time.
 */
export function cutOffStalled(
  server: Server,
  connections: Connections,
  stallTimeoutMs: number,
  onCutOff: () => void,
): void {
  const answered = new WeakSet<Exchange>()
  server.setTimeout(stallTimeoutMs, (socket: Socket) => {
    const exchange = connections.current(socket)
    if (exchange && !isWaitingForClient(exchange)) {
      socket.setTimeout(stallTimeoutMs)
      return
    }
    if (exchange && !answered.has(exchange)) onCutOff()
    const isReading = exchange && !exchange.req.complete && !exchange.res.headersSent
    if (isReading && exchange.req.listenerCount('error') > 0) {
      // Whoever reads the body fails with it, and answers 408 before the connection ends.
      answered.add(exchange)
      exchange.req.emit('error', new StoreError('timeout', 'The body stopped coming: send it again.'))
    } else {
      socket.destroy()
    }
  })
}

function isWaitingForClient({ req, res }: Exchange): boolean {
  return res.writableLength > 0 || (!req.complete && !req.isPaused() && req.listenerCount('data') > 0)
}
