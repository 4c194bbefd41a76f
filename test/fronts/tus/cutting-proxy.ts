import { once } from 'node:events'
import net from 'node:net'
import { onTestFinished } from 'vitest'

/** Something that happens when the clients have sent so many bytes, all of them together. */
export interface Cut {
  readonly at: number
  /** Besides that the connection ends which carried them. */
  readonly meanwhile?: () => void
}

/**
 * Passes bytes on in both directions, and ends connections as planned: those before the cut are
 * passed on, those behind it get lost.
 */
export class CuttingProxy {
  readonly port: number
  /** Cuts that have not happened. */
  readonly cuts: Cut[]
  readonly #portOfServer: () => number | Promise<number>
  #passed = 0

  private constructor(port: number, cuts: readonly Cut[], portOfServer: () => number | Promise<number>) {
    this.port = port
    this.cuts = [...cuts]
    this.#portOfServer = portOfServer
  }

  static async open(
    portOfServer: () => number | Promise<number>,
    cuts: readonly Cut[],
  ): Promise<CuttingProxy> {
    const sockets = new Set<net.Socket>()
    const listener = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = new CuttingProxy((listener.address() as net.AddressInfo).port, cuts, portOfServer)
    listener.on('connection', (client) => {
      sockets.add(client)
      client.once('close', () => sockets.delete(client))
      void proxy.#serve(client)
    })
    onTestFinished(() => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    })
    return proxy
  }

  async #serve(client: net.Socket): Promise<void> {
    // A server that is killed resets its connections; the client sees that they end.
    client.on('error', () => {})
    const server = net.connect({ host: '127.0.0.1', port: await this.#portOfServer() })
    server.on('error', () => {})
    client.once('close', () => server.destroy())
    server.once('close', () => client.destroy())
    server.pipe(client)
    client.on('data', (piece: Buffer) => this.#pass(piece, client, server))
    client.on('end', () => server.end()).resume()
  }

  #pass(piece: Buffer, client: net.Socket, server: net.Socket): void {
    const [cut] = this.cuts
    const room = cut ? Math.max(0, cut.at - this.#passed) : Infinity
    if (cut && room <= piece.length) {
      this.#passed += room
      this.cuts.shift()
      client.pause()
      server.write(piece.subarray(0, room), () => {
        client.destroy()
        server.destroy()
      })
      cut.meanwhile?.()
      return
    }
    this.#passed += piece.length
    if (!server.write(piece)) {
      client.pause()
      server.once('drain', () => client.resume())
    }
  }
}
