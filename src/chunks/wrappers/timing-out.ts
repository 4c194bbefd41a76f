import { StoreError } from '../../model/errors.ts'
import type { ChunkStore, ListOptions, StoredChunk } from '../chunk-store.ts'
import { runningClock, type Timer } from './clock.ts'

export interface TimeoutOptions {
  /**
   * A call, or a step of a listing, may take this long, plus the time for its bytes at `minRate`.
   */
  readonly timeoutMs: number
  /** Bytes a second. */
  readonly minRate: number
  readonly clock?: Timer
}

/**
 * Aborts calls that take too long, which then reject `unavailable` with a message that says what to
 * check. They settle only when the aborted call has settled: nothing goes on behind a timeout.
 */
export function timingOut(store: ChunkStore, options: TimeoutOptions): ChunkStore {
  const { timeoutMs, minRate, clock = runningClock } = options

  const timed = <T>(
    what: string,
    bytes: number,
    abort: AbortController,
    call: () => Promise<T>,
  ): Promise<T> => withTimeout(clock, Math.ceil(timeoutMs + (bytes * 1000) / minRate), what, abort, call)

  async function* list({ signal, ...others }: ListOptions = {}): AsyncGenerator<StoredChunk> {
    const abort = new AbortController()
    const chunks = store.list({ ...others, signal: linked(signal, abort) })[Symbol.asyncIterator]()
    const step = () => timed('listing chunks', 0, abort, () => chunks.next())
    try {
      for (let next = await step(); next.done !== true; next = await step()) yield next.value
    } finally {
      await chunks.return?.()
    }
  }

  return {
    put(digest, pieces, { signal } = {}) {
      const abort = new AbortController()
      const bytes = pieces.reduce((total, { length }) => total + length, 0)
      return timed(`storing chunk ${digest}`, bytes, abort, () =>
        store.put(digest, pieces, { signal: linked(signal, abort) }),
      )
    },
    read(location, offset, into, readOptions) {
      const abort = new AbortController()
      return timed(`reading chunk ${location}`, into.length, abort, () =>
        store.read(location, offset, into, { ...readOptions, signal: linked(readOptions.signal, abort) }),
      )
    },
    delete(location, { signal } = {}) {
      const abort = new AbortController()
      return timed(`deleting chunk ${location}`, 0, abort, () =>
        store.delete(location, { signal: linked(signal, abort) }),
      )
    },
    list,
    close: () => store.close(),
  }
}

/** The reason to stop the timer when the call has settled; it is always the same. */
const wasFaster = Symbol('the call was faster')

function linked(signal: AbortSignal | undefined, abort: AbortController): AbortSignal {
  return signal ? AbortSignal.any([signal, abort.signal]) : abort.signal
}

async function withTimeout<T>(
  clock: Timer,
  ms: number,
  what: string,
  abort: AbortController,
  call: () => Promise<T>,
): Promise<T> {
  const settled = new AbortController()
  const giveUp = () => {
    const message = `The chunk store has not answered within ${ms / 1000} s (${what}): check that its disk or bucket works and is not full.`
    abort.abort(new StoreError('unavailable', message))
  }
  clock.wait(ms, settled.signal).then(giveUp, () => {})
  try {
    return await call()
  } finally {
    settled.abort(wasFaster)
  }
}
