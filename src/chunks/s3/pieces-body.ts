import { Readable } from 'node:stream'
import type { ClientRequest } from 'node:http'

/**
 * The concatenated pieces as the body of a single request. The SDK sends a `Readable` by piping it
 * into the request. The pieces are only lent: their owner may reuse them when `release` has
 * resolved.
 */
export class PiecesBody extends Readable {
  readonly #pieces: readonly Uint8Array[]
  readonly #closed = Promise.withResolvers<void>()
  #request: ClientRequest | undefined

  constructor(pieces: readonly Uint8Array[]) {
    super()
    this.#pieces = pieces
  }

  /**
   * Hands over all at once. They are in memory anyway, so to wait for the socket saves nothing, and
   * a system call for each piece of 64 KiB was measured to take a seventh of the time that a put
   * keeps the process busy.
   */
  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    const request = destination as unknown as ClientRequest
    this.#request = request
    request.once('close', this.#closed.resolve)
    request.cork()
    for (const piece of this.#pieces) request.write(piece)
    request.uncork()
    request.end()
    return destination
  }

  override _read(): void {
    this.destroy(new TypeError('pieces can only be piped into a request'))
  }

  /**
   * Resolves when nothing reads the pieces any more. Ends the request if it is still sending them.
   */
  async release(): Promise<void> {
    const request = this.#request
    if (!request || request.writableFinished) return
    request.destroy()
    // Without a socket, as when it waits for one, a destroyed request sends nothing, and may be
    // closed much later.
    if (request.socket) await this.#closed.promise
  }
}
