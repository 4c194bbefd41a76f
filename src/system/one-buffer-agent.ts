import http from 'node:http'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { isTuned } from './tuning.ts'

/** How much of a response one read takes from the system. */
const bufferBytes = 256 * 1024

/** An agent for clients that read much. Without tuning it is an ordinary one of Node. */
export function agentForReading(options: http.AgentOptions): http.Agent {
  return isTuned() ? new OneBufferAgent(options) : new http.Agent(options)
}

/**
 * An agent whose connections all read into one buffer. By default Node allocates a buffer for each
 * read, and its HTTP parser copies the body out of it: garbage of twice the size of the response.
 * Otherwise it behaves like `http.Agent`.
 */
export class OneBufferAgent extends http.Agent {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes)

  override createConnection(options: NetConnectOpts): Socket {
    const socket = connect({
      ...options,
      onread: {
        buffer: this.#buffer,
        callback: (length) => {
          // Listeners have copied what they need when this returns; the next read comes after that.
          socket.emit('data', this.#buffer.subarray(0, length))
          return true
        },
      },
    })
    return socket
  }
}
