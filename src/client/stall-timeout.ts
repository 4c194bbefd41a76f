import { StoreError } from '../model/errors.ts'
import type { Connection } from './connection.ts'

/** Runs what tells of every byte that moves, and ends it, with `timeout`, when none has for the connection's `stallTimeoutMs`. */
export async function withStallTimeout<T>(
  { options: { stallTimeoutMs } }: Connection,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  const stalled = new AbortController()
  const give = () => stalled.abort(new StoreError('timeout', `Nothing moved for ${stallTimeoutMs} ms.`))
  let timer = setTimeout(give, stallTimeoutMs)
  const moved = () => {
    clearTimeout(timer)
    timer = setTimeout(give, stallTimeoutMs)
  }
  try {
    return await run(signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal, moved)
  } finally {
    clearTimeout(timer)
  }
}
