import { pause } from '../../model/abortable.ts'
import { backOffMs } from '../../model/back-off.ts'
import { isStoreError, type ErrorCode, type StoreError } from '../../model/errors.ts'
import type { Connection } from './connection.ts'
import { RefusedError } from './refusal.ts'

/** What may be otherwise the next time. */
const transientCodes = new Set<ErrorCode>([
  'unavailable',
  'overloaded',
  'timeout',
  'aborted',
  'incomplete_body',
])

/** The longest pause, in first pauses. */
const mostPauses = 60

/**
 * Decides whether something is tried again, and waits until it may be: pauses grow, with jitter,
 * until something moves.
 */
export class Attempts {
  readonly #connection: Connection
  readonly #signal: AbortSignal | undefined
  #failures = 0
  #failingSince: number | undefined

  constructor(connection: Connection, signal: AbortSignal | undefined) {
    this.#connection = connection
    this.#signal = signal
  }

  /** Something came through: patience begins anew. */
  moved(): void {
    this.#failures = 0
    this.#failingSince = undefined
  }

  /**
   * Resolves when it is time to try again. Rejects with `error` if that is of no use, or has been
   * for too long.
   */
  async failed(error: unknown, isTransient = isTransientError): Promise<void> {
    this.#signal?.throwIfAborted()
    const { firstPauseMs, giveUpAfterMs, onRetry } = this.#connection.options
    if (!isTransient(error)) throw error
    const now = performance.now()
    // From the first failure on: what fails at last may have been moving for hours.
    this.#failingSince ??= now
    this.#failures += 1
    const askedMs = error instanceof RefusedError ? (error.retryAfterMs ?? 0) : 0
    const bounds = { firstMs: firstPauseMs, maxMs: firstPauseMs * mostPauses, leastShare: 0.5 }
    const pauseMs = Math.max(askedMs, backOffMs(this.#failures, bounds))
    if (now - this.#failingSince + pauseMs > giveUpAfterMs) throw error
    onRetry?.(error, pauseMs)
    await pause(pauseMs, this.#signal)
  }
}

/** Calls until it succeeds, as long as trying again is of use. */
export async function withRetries<T>(
  connection: Connection,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  const attempts = new Attempts(connection, signal)
  for (;;) {
    try {
      return await call()
    } catch (error) {
      await attempts.failed(error)
    }
  }
}

export function isTransientError(error: unknown): error is StoreError {
  return isStoreError(error) && transientCodes.has(error.code)
}
