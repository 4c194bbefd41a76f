import { pause } from '../../model/abortable.ts'

/** How time is told and passed. */
export interface Timer {
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number
  /** Resolves so much later. Rejects with the signal's reason when that is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export const runningClock: Timer = {
  now: () => performance.now(),
  wait: pause,
}
