import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { eventually } from './eventually.ts'

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A client that sends just what it is told to, and shows just what comes. */
export class RawClient {
  readonly socket: net.Socket
  #pieces: Buffer[] = []
  #length = 0
  /** Bytes of answers that were taken. */
  #taken = 0
  /** How the connection ended: absent while it is open, '' if it ended well. */
  ending: string | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
    let problem = ''
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      this.#length += piece.length
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      problem = error.code ?? error.message
    })
    socket.on('close', () => {
      this.ending = problem
    })
  }

  static async open(port: number, options: { readonly allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1', ...options })
    const client = new RawClient(socket)
    await once(socket, 'connect')
    return client
  }

  /** Bytes that came so far. */
  get length(): number {
    return this.#length
  }

  get received(): Buffer {
    // Asked for again and again while nothing has come.
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0]!
  }

  /** Resolves when the system has taken all of it. */
  send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()))
    })
  }

  /** Resolves when at least so many bytes have come. Rejects if the connection ends before. */
  async receive(length: number): Promise<void> {
    await eventually(() => assert(this.#length >= length || this.ending !== undefined))
    assert(this.#length >= length, `the connection ended after ${this.#length} of ${length} bytes`)
  }

  /** Resolves when the connection has ended. */
  ended(): Promise<void> {
    return eventually(() => assert(this.ending !== undefined, 'the connection is still open'))
  }

  /** The next whole answer with a `Content-Length`, or without a body. */
  async answer(method = 'GET'): Promise<RawAnswer> {
    const start = await this.#head()
    const [status = '', ...lines] = start.toString('latin1').trimEnd().split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    )
    const code = Number(status.split(' ')[1])
    const hasBody = method !== 'HEAD' && code >= 200 && code !== 204 && code !== 304
    const size = hasBody ? Number(headers['content-length']) : 0
    const from = this.#taken + start.length
    await this.receive(from + size)
    this.#taken = from + size
    return { status: code, headers, body: this.received.subarray(from, from + size) }
  }

  async #head(): Promise<Buffer> {
    const found = await eventually(() => {
      const rest = this.received.subarray(this.#taken)
      const end = rest.indexOf('\r\n\r\n')
      assert(end >= 0 || this.ending !== undefined, 'no answer has come')
      return end < 0 ? undefined : rest.subarray(0, end + 4)
    })
    if (!found) throw new Error(`the connection ended without an answer: ${this.ending || 'closed'}`)
    return found
  }
}

/** The head of a request, with a `Host`. */
export function head(request: string, ...fields: readonly string[]): string {
  return [`${request} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n')
}
