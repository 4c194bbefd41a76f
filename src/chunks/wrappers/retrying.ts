import { backOffMs } from '../../model/back-off.ts'
import { isStoreError } from '../../model/errors.ts'
import type { ChunkStore, ListOptions, StoredChunk } from '../chunk-store.ts'
import { runningClock, type Timer } from './clock.ts'

export interface RetryOptions {
  /** The most tries of one call, including the first; 8 by default. */
  readonly maxTries?: number
  /**
   * The longest pause before the second try, 100 ms by default. It doubles before each further try,
   */
  readonly firstPauseMs?: number
  /** up to this, 5 s by default. */
  readonly maxPauseMs?: number
  /** No try starts later than this after the first, 30 s by default. */
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
 * Retries calls that reject `unavailable`, and no others: not `no_space`, `not_found` or `corrupt`.
 * An abort ends a pause at once, and the call is not retried. Pauses have random lengths, so that
 * calls that failed together do not come back together. Rejects as the last try did. A retried put
 * writes to a new location: if only the answer to the first was lost, its bytes are an orphan.
 *
 * A listing that fails resumes after the last chunk that it has yielded, and counts its tries from
 * there. After `close` nothing is retried.
 */
export function retrying(store: ChunkStore, options: RetryOptions = {}): ChunkStore {
  const limits = { ...defaults, ...options }
  const closing = new AbortController()

  /** Resolves when it is time for another try. Rejects with the failure if there must be none. */
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
    // Each try reads the pieces again. By then the previous try has settled and no longer uses
    // them.
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

/** Counts the tries of one call. The first one has started. */
class Tries {
  readonly #limits: Required<RetryOptions>
  readonly #begun: number
  #count = 1

  constructor(limits: Required<RetryOptions>) {
    this.#limits = limits
    this.#begun = limits.clock.now()
  }

  /** How long to wait before the next try; undefined if there must be none. */
  nextPauseMs(): number | undefined {
    const { maxTries, firstPauseMs: firstMs, maxPauseMs: maxMs, patienceMs, clock, random } = this.#limits
    if (this.#count >= maxTries) return undefined
    const ms = backOffMs(this.#count, { firstMs, maxMs, random })
    this.#count += 1
    return clock.now() + ms - this.#begun > patienceMs ? undefined : ms
  }
}
