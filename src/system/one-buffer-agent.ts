import http from 'node:http'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { isTuned } from './tuning.ts'

/** So much of a response is taken from the system at once. */
const bufferBytes = 256 * 1024

/** An agent for clients that read much; without tuning, one of Node's own. */
export function agentForReading(options: http.AgentOptions): http.Agent {
  return isTuned() ? new OneBufferAgent(options) : new http.Agent(options)
}

/**
 * An agent whose connections are all read into one buffer. Node would make a new one for each read,
 * and its parser of HTTP copies out of that what is body: garbage of twice what comes. Does what
 * `http.Agent` does otherwise.
 */
export class OneBufferAgent extends http.Agent {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes)

  override createConnection(options: NetConnectOpts): Socket {
    const socket = connect({
      ...options,
      onread: {
        buffer: this.#buffer,
        callback: (length) => {
          // Who listens has taken what it needs when this returns; nothing else is read until then.
          socket.emit('data', this.#buffer.subarray(0, length))
          return true
        },
      },
    })
    return socket
  }
}
