import { backOffMs } from '../../model/back-off.ts'
import { isStoreError } from '../../model/errors.ts'
import type { ChunkStore, ListOptions, StoredChunk } from '../chunk-store.ts'
import { runningClock, type Timer } from './clock.ts'

export interface RetryOptions {
  /** Tries of one call, the first included; 8 unless given. */
  readonly maxTries?: number
  /**
   * Longest pause before the second try, 100 ms unless given. It doubles before each further one,
   */
  readonly firstPauseMs?: number
  /** up to this, 5 s unless given. */
  readonly maxPauseMs?: number
  /** No try begins later than so long after the first, 30 s unless given. */
  readonly patienceMs?: number
  readonly clock?: Timer
  /** From 0 up to 1. */
  readonly random?: () => number
}

const defaults = {
  maxTries: 8,
  firstPauseMs: 100,
  maxPauseMs: 5_000,
  patienceMs: 30_000,
  clock: runningClock,
  random: Math.random,
}

/**
 * Tries again what was `unavailable`, and nothing else: not `no_space`, `not_found` or `corrupt`,
 * and not what its signal has aborted, which ends a pause at once. A pause has any length up to its
 * bound, so that those who failed together do not come back together. Rejects as the last try did.
 * A put that is tried again goes to another location: what a lost answer leaves at the first is an
 * orphan.
 *
 * A listing that fails resumes behind the last chunk that it has shown; its tries count from that
 * chunk. After `close` nothing is tried again.
 */
export function retrying(store: ChunkStore, options: RetryOptions = {}): ChunkStore {
  const limits = { ...defaults, ...options }
  const closing = new AbortController()

  /**
   * Resolves when it is time for another try, and rejects with what has failed if there is to be
   * none.
   */
  async function pause(failure: unknown, tries: Tries, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const stops = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal
    const ms =
      isStoreError(failure, 'unavailable') && !closing.signal.aborted ? tries.nextPauseMs() : undefined
    if (ms === undefined) throw failure
    try {
      await limits.clock.wait(ms, stops)
    } catch {
      signal?.throwIfAborted()
      throw failure
    }
  }

  async function retried<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    const tries = new Tries(limits)
    for (;;) {
      try {
        return await call()
      } catch (error) {
        await pause(error, tries, signal)
      }
    }
  }

  async function* list(listOptions: ListOptions = {}): AsyncGenerator<StoredChunk> {
    let tries = new Tries(limits)
    let { after } = listOptions
    for (;;) {
      try {
        for await (const chunk of store.list({ ...listOptions, ...(after !== undefined && { after }) })) {
          after = chunk.location
          tries = new Tries(limits)
          yield chunk
        }
        return
      } catch (error) {
        await pause(error, tries, listOptions.signal)
      }
    }
  }

  return {
    // Another try needs the pieces: they are not taken before the last one has settled.
    put: (digest, pieces, { signal } = {}) =>
      retried(signal, () => store.put(digest, pieces, signal && { signal })),
    read: (location, offset, into, readOptions) =>
      retried(readOptions.signal, () => store.read(location, offset, into, readOptions)),
    delete: (location, callOptions) =>
      retried(callOptions?.signal, () => store.delete(location, callOptions)),
    list,
    close() {
      closing.abort()
      return store.close()
    },
  }
}

/** The tries of one call, of which the first has begun. */
class Tries {
  readonly #limits: Required<RetryOptions>
  readonly #begun: number
  #count = 1

  constructor(limits: Required<RetryOptions>) {
    this.#limits = limits
    this.#begun = limits.clock.now()
  }

  /** How long to wait before another one; undefined if it was the last. */
  nextPauseMs(): number | undefined {
    const { maxTries, firstPauseMs: firstMs, maxPauseMs: maxMs, patienceMs, clock, random } = this.#limits
    if (this.#count >= maxTries) return undefined
    const ms = backOffMs(this.#count, { firstMs, maxMs, random })
    this.#count += 1
    return clock.now() + ms - this.#begun > patienceMs ? undefined : ms
  }
}
