import { systemClock, type Clock } from './throttle.ts'

/** Something that goes on until it is stopped. */
export interface Ongoing {
  stop(): Promise<void>
}

/**
 * Does the work, waits, and does it again until it is stopped. Failures are passed to `onError`,
 * and retried after the pause. `stop` aborts the work's signal and resolves when nothing goes on
 * any more; what fails from then on is not reported.
 */
export function repeat(
  work: (signal: AbortSignal) => Promise<void>,
  pauseMs: number,
  onError: (error: unknown) => void,
  { wait }: Pick<Clock, 'wait'> = systemClock,
): Ongoing {
  const stopping = new AbortController()
  const { signal } = stopping
  const run = async () => {
    while (!signal.aborted) {
      try {
        await work(signal)
      } catch (error) {
        if (!signal.aborted) onError(error)
      }
      // Only stopping cuts the pause short.
      await wait(pauseMs, signal).catch(() => undefined)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
