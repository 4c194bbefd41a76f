import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A request that has begun and whose answer has not ended. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/**
 * The open connections of a server and their requests. `surplusConnections` beyond the limit are
 * accepted, so that they can be told so; further ones are closed silently. Beyond `maxConnections`,
 * a new connection replaces the one that has been idle longest; if none is idle, the new one is
 * surplus.
 */
export class Connections {
  /**
   * Requests of one connection are answered in the order in which they came. The connection that
   * has been idle longest comes first.
   */
  readonly #exchanges = new Map<Socket, Set<Exchange>>()
  readonly #surplus = new WeakSet<Socket>()
  readonly #yielding = new Set<Socket>()
  #running = 0
  #isEnding = false

  constructor(server: Server, maxConnections: number, surplusConnections: number) {
    server.maxConnections = maxConnections + surplusConnections
    server.on('connection', (socket) => {
      if (this.#exchanges.size >= maxConnections) this.#makeRoomFor(socket)
      this.#exchanges.set(socket, new Set())
      socket.once('close', () => {
        this.#exchanges.delete(socket)
        this.#yielding.delete(socket)
      })
    })
    server.prependListener('request', (req, res) => this.#begin({ req, res }))
    // Node's own method would also destroy connections whose answer is complete but not sent yet.
    server.closeIdleConnections = () => this.#endIdle()
  }

  /** Requests that have begun and whose answers have not ended. */
  get running(): number {
    return this.#running
  }

  /** The request that is being answered; pipelined ones wait behind it. */
  current(socket: Socket): Exchange | undefined {
    const [oldest] = this.#exchanges.get(socket) ?? []
    return oldest
  }

  /** The latest request whose answer has not ended. */
  latest(socket: Socket): Exchange | undefined {
    return [...(this.#exchanges.get(socket) ?? [])].at(-1)
  }

  /** Requests of the connection whose answers have not ended. */
  waiting(socket: Socket): number {
    return this.#exchanges.get(socket)?.size ?? 0
  }

  /** Lets a new connection replace this one, as if it were idle: its request is being refused. */
  yield(socket: Socket): void {
    this.#yielding.add(socket)
  }

  /** Whether the connection came when all others were busy and the limit was reached. */
  isSurplus(socket: Socket): boolean {
    return this.#surplus.has(socket)
  }

  /** Busy connections, each with the request that is being answered. */
  *busy(): Generator<readonly [Socket, Exchange]> {
    for (const [socket, [oldest]] of this.#exchanges) if (oldest) yield [socket, oldest]
  }

  /** Ends each connection as soon as it is idle. */
  end(): void {
    this.#isEnding = true
    this.#endIdle()
    for (const exchanges of this.#exchanges.values()) for (const { res } of exchanges) announceEnd(res)
  }

  #makeRoomFor(socket: Socket): void {
    for (const [other, exchanges] of this.#exchanges) {
      // A surplus connection still waits for its refusal.
      if (exchanges.size > 0 || this.#surplus.has(other)) continue
      // It may have sent half a request: nobody waits for an answer yet.
      other.destroy()
      this.#exchanges.delete(other)
      return
    }
    const [yielding] = this.#yielding
    if (!yielding) {
      this.#surplus.add(socket)
      return
    }
    yielding.destroy()
    this.#yielding.delete(yielding)
    this.#exchanges.delete(yielding)
  }

  #begin(exchange: Exchange): void {
    const { req, res } = exchange
    const { socket } = req
    const exchanges = this.#exchanges.get(socket)
    exchanges?.add(exchange)
    this.#running++
    if (this.#isEnding) announceEnd(res)
    res.once('close', () => {
      this.#running--
      exchanges?.delete(exchange)
      if (exchanges?.size !== 0) return
      if (this.#isEnding || this.#surplus.has(socket)) socket.destroySoon()
      // Behind all that have been idle longer.
      if (this.#exchanges.delete(socket)) this.#exchanges.set(socket, exchanges)
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
