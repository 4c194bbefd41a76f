import { setTimeout as wait } from 'node:timers/promises'

/** How time is told and passed. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number
  /** Resolves so much later. Rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Keeps the process alive while somebody waits: a command must not end in the middle of a call. */
export const runningClock: Clock = {
  now: () => performance.now(),
  wait: (ms, signal) => wait(ms, undefined, { signal }),
}
