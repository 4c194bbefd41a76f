import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A request that has begun and whose answer has not ended. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** The open connections of a server, and what goes on in each. */
export class Connections {
  /** Requests of one connection are answered in the order in which they came. */
  readonly #exchanges = new Map<Socket, Set<Exchange>>()
  #isEnding = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#exchanges.set(socket, new Set())
      socket.once('close', () => this.#exchanges.delete(socket))
    })
    server.prependListener('request', (req, res) => this.#begin({ req, res }))
    // Node's own would also destroy those whose answer is complete but not sent yet.
    server.closeIdleConnections = () => this.#endIdle()
  }

  /** What the connection is at: others that were sent behind it wait. */
  current(socket: Socket): Exchange | undefined {
    const [oldest] = this.#exchanges.get(socket) ?? []
    return oldest
  }

  /** Ends each connection as soon as nothing goes on in it. */
  end(): void {
    this.#isEnding = true
    this.#endIdle()
    for (const exchanges of this.#exchanges.values()) for (const { res } of exchanges) announceEnd(res)
  }

  #begin(exchange: Exchange): void {
    const { req, res } = exchange
    const exchanges = this.#exchanges.get(req.socket)
    exchanges?.add(exchange)
    if (this.#isEnding) announceEnd(res)
    res.once('close', () => {
      exchanges?.delete(exchange)
      if (this.#isEnding && exchanges?.size === 0) req.socket.destroySoon()
    })
  }

  #endIdle(): void {
    for (const [socket, exchanges] of this.#exchanges) if (exchanges.size === 0) socket.destroySoon()
  }
}

/** Tells the client to send nothing more on this connection (RFC 9112, 9.6). */
function announceEnd(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close')
}
