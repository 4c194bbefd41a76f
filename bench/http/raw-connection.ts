import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * Nobody looks at what comes, so all connections are read into one place; small enough to stay in
 * the cache of a core.
 */
const received = Buffer.allocUnsafeSlow(256 * 1024)

export interface Answer {
  readonly status: number
  /** From the status line to the last header. */
  readonly head: string
  /** Of the body, which is gone. */
  readonly bytes: number
}

/**
 * A connection that costs a client next to nothing: what it takes to parse HTTP and to keep bodies
 * would be measured with the server. One request at a time; a body in chunks is taken for one of no
 * bytes, as servers have it that answer nothing.
 */
export class RawConnection {
  readonly #socket: Socket
  #waiting: PromiseWithResolvers<Answer> | undefined
  #head = ''
  #answer: Answer | undefined
  #bytesLeft = 0
  /** What has come of a body in chunks. */
  #chunks: string | undefined

  private constructor(port: number) {
    const onread = {
      buffer: received,
      callback: (bytes: number) => {
        this.#read(bytes)
        return true
      },
    }
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static async open(port: number): Promise<RawConnection> {
    const connection = new RawConnection(port)
    await once(connection.#socket, 'connect')
    return connection
  }

  /** Sends a head, which ends with an empty line, and resolves when the whole answer has come. */
  request(head: string): Promise<Answer> {
    this.#waiting = Promise.withResolvers()
    this.#socket.write(head, 'latin1')
    return this.#waiting.promise
  }

  /**
   * The same with a body, of which `next` gives one piece after the other: each may be in the
   * buffer that the last one was in.
   */
  async send(head: string, next: () => Uint8Array | undefined): Promise<Answer> {
    // In one packet with what fits behind it.
    this.#socket.cork()
    process.nextTick(() => this.#socket.uncork())
    const answered = this.request(head)
    // What it fails with is heard below.
    answered.catch(() => undefined)
    for (let piece = next(); piece && !this.#socket.destroyed; piece = next()) await this.#write(piece)
    return answered
  }

  close(): void {
    this.#socket.destroy()
  }

  /**
   * Resolves when the bytes are the system's, or the connection has broken: that is told to who
   * waits for the answer.
   */
  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((done) => {
      this.#socket.write(bytes, () => done())
    })
  }

  #read(bytes: number): void {
    const begun = this.#answer ? 0 : this.#readHead(bytes)
    if (!this.#answer) return
    if (this.#chunks !== undefined) this.#readChunks(begun, bytes)
    else this.#bytesLeft -= bytes - begun
    if (this.#bytesLeft > 0) return
    const answer = this.#answer
    this.#answer = undefined
    if (this.#bytesLeft < 0) this.#socket.destroy(new Error('more came than the answer was to have'))
    else this.#waiting?.resolve(answer)
  }

  /** Where in what has come the body begins, if the head ends in it. */
  #readHead(bytes: number): number {
    const before = this.#head.length
    this.#head += received.toString('latin1', 0, bytes)
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return bytes
    const head = this.#head.slice(0, end)
    this.#head = ''
    const status = Number(head.slice(9, 12))
    this.#chunks = /^transfer-encoding: *chunked/im.test(head) ? '' : undefined
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    this.#bytesLeft = this.#chunks === undefined ? length : 1
    this.#answer = { status, head, bytes: length }
    return end + 4 - before
  }

  #readChunks(from: number, to: number): void {
    this.#chunks += received.toString('latin1', from, to)
    if (this.#chunks!.endsWith('0\r\n\r\n')) this.#bytesLeft = 0
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
  }
}
