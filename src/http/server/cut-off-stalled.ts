import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { StoreError } from '../../model/errors.ts'
import type { Connections, Exchange } from './connections.ts'
import { Standstill } from './standstill.ts'

export interface StallOptions {
  readonly stallTimeoutMs: number
  /** Bytes per second. */
  readonly minUploadRate: number
  readonly onCutOff: () => void
}

/**
 * Ends the connection of a client that makes no progress for `stallTimeoutMs`: sends nothing of a
 * body that is being read, or takes nothing of what is written. One that sends less than
 * `minUploadRate` for as long holds what it holds for nothing, too, and is found at the end of the
 * next such time. A client that reads needs no such rate: the system says that there is room again
 * only when much of what it holds has been taken. While the server itself is what both wait for,
 * the client has all the time it needs; when this process has stood still, its time begins again.
 * `onCutOff` is told each time.
 */
export function cutOffStalled(server: Server, connections: Connections, options: StallOptions): void {
  const { stallTimeoutMs, onCutOff } = options
  const answered = new WeakSet<Exchange>()
  const standstill = new Standstill(Math.max(500, stallTimeoutMs / 2))
  server.once('close', () => standstill.stop())
  const cutOff = (socket: Socket, exchange: Exchange | undefined) => {
    if (exchange && !answered.has(exchange)) onCutOff()
    const isReading = exchange && !exchange.req.complete && !exchange.res.headersSent
    if (isReading && exchange.req.listenerCount('error') > 0) {
      // The reader of the body gets the error and answers 408 before the connection ends.
      answered.add(exchange)
      exchange.req.emit('error', new StoreError('timeout', 'The body stopped arriving: send it again.'))
    } else {
      socket.destroy()
    }
  }
  server.setTimeout(stallTimeoutMs, (socket: Socket) => {
    const exchange = connections.current(socket)
    if (standstill.hasEndedWithin(stallTimeoutMs) || (exchange && !isWaitingForClient(exchange))) {
      socket.setTimeout(stallTimeoutMs)
      return
    }
    // After a pause timers run before sockets are read: the bytes of a client that moves may be
    // waiting there.
    const { bytesRead } = socket
    setImmediate(() => {
      const hasMoved =
        socket.destroyed || socket.bytesRead > bytesRead || connections.current(socket) !== exchange
      if (!hasMoved) cutOff(socket, exchange)
    })
  })
  cutOffCrawling(server, connections, options, standstill, cutOff)
}

function cutOffCrawling(
  server: Server,
  connections: Connections,
  { stallTimeoutMs, minUploadRate }: StallOptions,
  standstill: Standstill,
  cutOff: (socket: Socket, exchange: Exchange) => void,
): void {
  const leastBytes = (minUploadRate * stallTimeoutMs) / 1000
  /** What each body that has been waited for since the last look had brought by then. */
  let awaited = new Map<IncomingMessage, number>()
  const watched = new WeakSet<IncomingMessage>()
  const look = () => {
    // Bytes that arrived while nobody read count for the next look.
    const before = standstill.hasEndedWithin(stallTimeoutMs) ? new Map<IncomingMessage, number>() : awaited
    awaited = new Map()
    for (const [socket, exchange] of connections.busy()) {
      const { req } = exchange
      if (!isWaitingForBody(req)) continue
      const bytesBefore = before.get(req)
      if (bytesBefore !== undefined && socket.bytesRead - bytesBefore < leastBytes) {
        cutOff(socket, exchange)
      } else {
        awaited.set(req, socket.bytesRead)
        if (watched.has(req)) continue
        watched.add(req)
        // From then on the client waits for us, however briefly.
        req.on('pause', () => awaited.delete(req))
      }
    }
  }
  // Here, too, sockets are read first.
  const timer = setInterval(() => setImmediate(look), stallTimeoutMs)
  server.once('close', () => clearInterval(timer))
}

function isWaitingForClient({ req, res }: Exchange): boolean {
  return res.writableLength > 0 || isWaitingForBody(req)
}

function isWaitingForBody(req: IncomingMessage): boolean {
  return !req.complete && !req.isPaused() && req.listenerCount('data') > 0
}
