import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { StoreError } from '../model/errors.ts'
import type { Connections, Exchange } from './connections.ts'

export interface StallOptions {
  readonly stallTimeoutMs: number
  /** Bytes in a second. */
  readonly minUploadRate: number
  readonly onCutOff: () => void
}

/**
 * Ends the connection of a client that makes no progress for `stallTimeoutMs`: sends nothing of a body that is
 * being read, or takes nothing of what is written. One that sends less than `minUploadRate` for as long holds what it holds for
 * nothing, too, and is found at the end of the next such time. A client that reads needs no such rate: the system says that there is
 * room again only when much of what it holds has been taken. While the server itself is what both wait for, the
 * client has all the time it needs. `onCutOff` is told each time.
 */
export function cutOffStalled(server: Server, connections: Connections, options: StallOptions): void {
  const { stallTimeoutMs, minUploadRate, onCutOff } = options
  const answered = new WeakSet<Exchange>()
  const cutOff = (socket: Socket, exchange: Exchange | undefined) => {
    if (exchange && !answered.has(exchange)) onCutOff()
    const isReading = exchange && !exchange.req.complete && !exchange.res.headersSent
    if (isReading && exchange.req.listenerCount('error') > 0) {
      // Whoever reads the body fails with it, and answers 408 before the connection ends.
      answered.add(exchange)
      exchange.req.emit('error', new StoreError('timeout', 'The body stopped coming: send it again.'))
    } else {
      socket.destroy()
    }
  }
  server.setTimeout(stallTimeoutMs, (socket: Socket) => {
    const exchange = connections.current(socket)
    if (exchange && !isWaitingForClient(exchange)) socket.setTimeout(stallTimeoutMs)
    else cutOff(socket, exchange)
  })
  cutOffCrawling(server, connections, stallTimeoutMs, minUploadRate, cutOff)
}

function cutOffCrawling(
  server: Server,
  connections: Connections,
  intervalMs: number,
  minRate: number,
  cutOff: (socket: Socket, exchange: Exchange) => void,
): void {
  const leastBytes = (minRate * intervalMs) / 1000
  /** What each body that has been waited for since the last look had brought by then. */
  let awaited = new Map<IncomingMessage, number>()
  const look = () => {
    const before = awaited
    awaited = new Map()
    for (const [socket, exchange] of connections.busy()) {
      const { req } = exchange
      if (!isWaitingForBody(req)) continue
      const bytesBefore = before.get(req)
      if (bytesBefore !== undefined && socket.bytesRead - bytesBefore < leastBytes) {
        cutOff(socket, exchange)
      } else {
        awaited.set(req, socket.bytesRead)
        // From then on it is the client that waits, for however short a while.
        req.once('pause', () => awaited.delete(req))
      }
    }
  }
  const timer = setInterval(look, intervalMs)
  server.once('close', () => clearInterval(timer))
}

function isWaitingForClient({ req, res }: Exchange): boolean {
  return res.writableLength > 0 || isWaitingForBody(req)
}

function isWaitingForBody(req: IncomingMessage): boolean {
  return !req.complete && !req.isPaused() && req.listenerCount('data') > 0
}
