import type { IncomingMessage, ServerResponse } from 'node:http'

/** Counts the running requests of each client address. */
export class ClientShares {
  readonly #running = new Map<string, number>()
  readonly #addressOf: (req: IncomingMessage) => string | undefined

  constructor(addressOf: (req: IncomingMessage) => string | undefined) {
    this.#addressOf = addressOf
  }

  /** Counts a request until its answer ends, and returns the number now running for its client. */
  begin(req: IncomingMessage, res: ServerResponse): number {
    const address = this.#addressOf(req) ?? 'unknown'
    const running = (this.#running.get(address) ?? 0) + 1
    this.#running.set(address, running)
    res.once('close', () => {
      const left = (this.#running.get(address) ?? 1) - 1
      if (left > 0) this.#running.set(address, left)
      else this.#running.delete(address)
    })
    return running
  }
}
