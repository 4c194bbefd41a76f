import type { FileStore } from './file-store.ts'
import { Scrub, type ScrubOptions, type ScrubReport } from './scrub.ts'
import { systemClock } from './throttle.ts'

export interface RegularScrub {
  /** Ends the reading under way, and resolves when none will follow. */
  stop(): Promise<void>
}

const pauseMs = 60_000

/** Verifies chunks in the background as they become due, never if the rate is 0. What fails is tried again later. */
export function scrubRegularly(
  store: FileStore,
  options: ScrubOptions,
  report: ScrubReport,
  clock = systemClock,
): RegularScrub {
  const abort = new AbortController()
  const { signal } = abort
  const scrub = new Scrub(store, options, report, clock)
  const scrubOn = async () => {
    while (!signal.aborted) {
      try {
        await scrub.run(signal)
      } catch (error) {
        if (!signal.aborted) store.options.onBackgroundError(error, 'verifying chunks')
      }
      // Only the end of it all cuts a pause short.
      await clock.wait(Math.min(pauseMs, options.scrubIntervalMs), signal).catch(() => undefined)
    }
  }
  const running = options.scrubRate > 0 ? scrubOn() : Promise.resolve()
  return {
    async stop() {
      abort.abort()
      await running
    },
  }
}
