import type { Readable } from 'node:stream'

export interface LingerLimits {
  /** How long to keep reading from a client that still sends after its answer. */
  readonly lingerTimeoutMs: number
  /** Number of such clients; one more cuts off the oldest. */
  readonly maxLingering: number
}

/** A client that sends nothing for this long has read its answer, or never will. */
const idleMs = 5000

/**
 * Clients that still send the body of a request that has been answered. Closing a socket with
 * unread bytes resets it, and a client that reads only when it has sent everything would never see
 * its answer (RFC 9112, 9.6). So what they send is thrown away: for a limited time, and from a
 * limited number of clients.
 */
export class Lingering {
  readonly #limits: LingerLimits
  /** Ends each of them; the oldest comes first. */
  readonly #endings = new Set<() => void>()

  constructor(limits: LingerLimits = { lingerTimeoutMs: 30_000, maxLingering: 128 }) {
    this.#limits = limits
  }

  /**
   * Discards what the source still brings. Calls `onEnd` once: when the source ends or fails, or
   * its time is up.
   */
  discard(source: Readable, onEnd: () => void): void {
    const { lingerTimeoutMs, maxLingering } = this.#limits
    const end = () => {
      if (!this.#endings.delete(end)) return
      clearTimeout(idle)
      clearTimeout(total)
      source.off('data', onData).off('end', end).off('close', end)
      onEnd()
    }
    const total = setTimeout(end, lingerTimeoutMs)
    const idle = setTimeout(end, Math.min(idleMs, lingerTimeoutMs))
    const onData = () => idle.refresh()
    const [oldest] = this.#endings
    if (this.#endings.size >= maxLingering) oldest?.()
    this.#endings.add(end)
    source.on('data', onData).once('end', end).once('close', end)
    // The listener stays: without one, a later error would end the process.
    source.on('error', end)
    // The reader that failed has paused it.
    source.resume()
  }
}
