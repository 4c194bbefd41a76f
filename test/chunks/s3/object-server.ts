import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import type { GetRange } from '../../../src/chunks/s3/fetch.ts'

export interface SeenRange {
  readonly path: string
  readonly range: string
  /** Neither sent whole nor broken off. */
  isOpen: boolean
}

/** One object behind a real HTTP connection: what a fetch asks for, and when it hangs up. */
export class ObjectServer {
  readonly seen: SeenRange[] = []
  /** How often it was asked, sent or not. */
  asked = 0
  /** What the client got, in the same order. */
  readonly bodies: Readable[] = []
  /** Each response breaks off when it has sent so many bytes. */
  breakAfter = Infinity
  /** Responses begin only then. */
  beginning: Promise<void> = Promise.resolve()
  readonly #bytes: Buffer
  readonly #agent = new http.Agent({ keepAlive: true })
  #port = 0

  private constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  static async open(bytes: Buffer): Promise<ObjectServer> {
    const server = new ObjectServer(bytes)
    const listener = http.createServer((req, res) => void server.#answer(req, res)).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    server.#port = (listener.address() as AddressInfo).port
    onTestFinished(() => {
      listener.close()
      listener.closeAllConnections()
      server.#agent.destroy()
    })
    return server
  }

  get ranges(): readonly string[] {
    return this.seen.map(({ range }) => range)
  }

  get open(): number {
    return this.seen.filter(({ isOpen }) => isOpen).length
  }

  readonly get: GetRange = async (location, from, to, signal) => {
    this.asked += 1
    const headers = { Range: `bytes=${from}-${to - 1}` }
    const path = `/${location}`
    const request = http.get({
      port: this.#port,
      host: '127.0.0.1',
      path,
      headers,
      agent: this.#agent,
      signal,
    })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    // A request that is aborted fails, and its response with it, which is what is looked at.
    request.on('error', () => {})
    if (response.statusCode !== 206) {
      response.resume()
      throw new Error(`status ${response.statusCode}`)
    }
    this.bodies.push(response)
    return response
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range!)!
    const seen: SeenRange = { path: req.url!, range: `${from}-${Number(to) + 1}`, isOpen: true }
    this.seen.push(seen)
    res.once('close', () => (seen.isOpen = false))
    await this.beginning
    const bytes = this.#bytes.subarray(Number(from), Number(to) + 1)
    if (req.url === '/missing' || bytes.length === 0) {
      res.writeHead(req.url === '/missing' ? 404 : 416).end()
      return
    }
    res.writeHead(206, { 'Content-Length': bytes.length })
    if (bytes.length <= this.breakAfter) res.end(bytes)
    else res.write(bytes.subarray(0, this.breakAfter), () => res.destroy())
  }
}
