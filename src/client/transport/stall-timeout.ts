import { StoreError } from '../../model/errors.ts'
import type { Connection } from './connection.ts'

/**
 * Runs what tells of every byte that moves, and ends it, with `timeout`, when none has for the
 * connection's `stallTimeoutMs`. Nothing of what has failed goes on.
 */
export async function withStallTimeout<T>(
  { options: { stallTimeoutMs } }: Connection,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  const stalled = new AbortController()
  let movedAt = performance.now()
  // A timer for every piece would cost more than hashing it.
  const look = () => {
    const restMs = movedAt + stallTimeoutMs - performance.now()
    if (restMs > 0) timer = setTimeout(look, restMs)
    else stalled.abort(new StoreError('timeout', `Nothing moved for ${stallTimeoutMs} ms.`))
  }
  let timer = setTimeout(look, stallTimeoutMs)
  const moved = () => {
    movedAt = performance.now()
  }
  try {
    return await run(signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal, moved)
  } catch (error) {
    // After an early refusal the rest of the body would still be sent.
    stalled.abort(error)
    throw error
  } finally {
    clearTimeout(timer)
  }
}
