/** How time is told and passed. */
export interface Timer {
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number
  /** Resolves so much later. Rejects with the signal's reason when that is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Keeps the process alive while somebody waits: a command must not end in the middle of a call. */
export const runningClock: Timer = {
  now: () => performance.now(),
  wait,
}

/**
 * That of Node makes an error for each wait that is not needed any more, of which there is one for
 * each block.
 */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const giveUp = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }, ms)
    signal.addEventListener('abort', giveUp)
  })
}
