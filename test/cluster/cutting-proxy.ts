import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Stands between a client and a server on a port of 127.0.0.1, and loses what it is told to. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #words: string | undefined
  #isStalled = false

  private constructor(port: number) {
    this.#server = createServer((client) => this.#pass(client, connect(port, '127.0.0.1')))
  }

  static async start(port: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(port)
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /**
   * The next message with these words comes through; its answer does not, and the connection is
   * cut.
   */
  loseAnswerTo(words: string): void {
    this.#words = words
  }

  /** From now on no answer comes through, and nobody is told. */
  stall(): void {
    this.#isStalled = true
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(client: Socket, server: Socket): void {
    let isLost = false
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      // The other end is told in the same way.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.on('data', (bytes) => {
      isLost ||= this.#words !== undefined && bytes.includes(this.#words)
      if (isLost) this.#words = undefined
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      if (isLost) client.destroy()
      else if (!this.#isStalled) client.write(bytes)
    })
  }
}
