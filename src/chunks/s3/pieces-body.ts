import { Readable } from 'node:stream'
import type { ClientRequest } from 'node:http'

/**
 * The pieces, one behind the other, as the body of a single request. They are lent: who has sent them may use them again when
 * `release` has resolved.
 */
export class PiecesBody extends Readable {
  readonly #pieces: readonly Uint8Array[]
  #next = 0
  #request: ClientRequest | undefined
  readonly #closed = Promise.withResolvers<void>()

  constructor(pieces: readonly Uint8Array[]) {
    super()
    // What is empty would end a pull without a push.
    this.#pieces = pieces.filter(({ length }) => length > 0)
  }

  /** The only way in which the SDK sends a stream; a request that ended before that has never seen the pieces. */
  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { readonly end?: boolean }): T {
    this.#request = destination as unknown as ClientRequest
    destination.once('close', this.#closed.resolve)
    return super.pipe(destination, options)
  }

  override _read(): void {
    this.push(this.#pieces[this.#next++] ?? null)
  }

  /** Resolves when nothing reads the pieces any more. Ends the request if it is still sending them. */
  async release(): Promise<void> {
    const request = this.#request
    if (!request || request.writableFinished) return
    request.destroy()
    // Without a socket, as when it waits for one, a destroyed request does not send, and may be closed much later.
    if (request.socket) await this.#closed.promise
  }
}
