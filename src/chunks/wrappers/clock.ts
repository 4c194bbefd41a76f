import { pause } from '../../model/abortable.ts'

/** A clock that tests can replace. */
export interface Timer {
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number
  /** Resolves after `ms`. Rejects with the signal's reason when it aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export const runningClock: Timer = {
  now: () => performance.now(),
  wait: pause,
}
