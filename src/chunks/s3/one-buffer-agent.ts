import http from 'node:http'
import { connect, type NetConnectOpts, type Socket } from 'node:net'

/** So many bytes of a response are taken from the system at once. */
const bufferBytes = 256 * 1024

/**
 * An agent whose connections are all read into one buffer. Node would make a new one for each read, and the parser of HTTP copies from it what is
 * body: garbage of twice what comes.
 */
export class OneBufferAgent extends http.Agent {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes)

  override createConnection(options: NetConnectOpts): Socket {
    const callback = (length: number) => {
      // What it hears of is parsed before this returns, and nothing else is read until then.
      socket.emit('data', this.#buffer.subarray(0, length))
      return true
    }
    const socket = connect({ ...options, onread: { buffer: this.#buffer, callback } })
    return socket
  }
}
