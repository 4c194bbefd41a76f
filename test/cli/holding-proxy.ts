import { once } from 'node:events'
import net from 'node:net'
import { onTestFinished } from 'vitest'

/** Counts what clients send, and can hold it back: like a line that has gone dead. */
export class HoldingProxy {
  readonly url: string
  /** Bytes that clients have sent and that were passed on, headers included. */
  passed = 0
  /** Connections to the server. */
  open = 0
  #holdAt = Infinity
  #held = Promise.withResolvers<void>()

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`
  }

  static async open(portOfServer: number): Promise<HoldingProxy> {
    const sockets = new Set<net.Socket>()
    const listener = net.createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = new HoldingProxy((listener.address() as net.AddressInfo).port)
    listener.on('connection', (client) => {
      sockets.add(client)
      proxy.#serve(client, net.connect(portOfServer, '127.0.0.1'))
    })
    onTestFinished(() => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    })
    return proxy
  }

  /**
   * Passes on so many more bytes, and then nothing until it is told again. Resolves when it has
   * come to that.
   */
  holdAfter(bytes: number): Promise<void> {
    this.#holdAt = this.passed + bytes
    this.#held = Promise.withResolvers<void>()
    return this.#held.promise
  }

  /** For the connections to come: one that was held back stays dead. */
  letThrough(): void {
    this.#holdAt = Infinity
  }

  #serve(client: net.Socket, server: net.Socket): void {
    this.open += 1
    server.once('close', () => (this.open -= 1))
    // A client that is killed may reset its connections: what it had sent still reaches the server.
    client.on('error', () => {})
    server.on('error', () => client.destroy())
    client.once('close', () => server.end().resume())
    server.once('close', () => client.destroy())
    server.pipe(client)
    let isDead = false
    client.on('data', (piece: Buffer) => {
      // Bytes after a gap would reach the server as if they were the missing ones.
      if (isDead) return
      const bytes = piece.subarray(0, Math.max(0, this.#holdAt - this.passed))
      isDead = bytes.length < piece.length
      this.passed += bytes.length
      if (!server.write(bytes)) {
        client.pause()
        server.once('drain', () => client.resume())
      }
      if (this.passed >= this.#holdAt) this.#held.resolve()
    })
  }
}
