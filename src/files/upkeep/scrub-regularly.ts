import type { Counted, Storage, Transfer } from '../state/file-store.ts'
import { ManifestScrub, type ManifestReport } from './scrub-manifests.ts'
import { Scrub, type ScrubOptions, type ScrubReport } from './scrub.ts'
import { systemClock, Throttle, type Clock } from './throttle.ts'

export interface RegularScrub {
  /** Stops the reading under way, and resolves when none will follow. */
  stop(): Promise<void>
}

const pauseMs = 60_000

/**
 * Verifies chunks in the background as they become due; never if the rate is 0. Failures are
 * retried later.
 */
export function scrubRegularly(
  store: Storage & Transfer,
  options: ScrubOptions,
  report: ScrubReport,
  clock = systemClock,
  throttle = new Throttle(options.scrubRate, clock),
): RegularScrub {
  const scrub = new Scrub(store, options, report, clock, throttle)
  return regularly(scrub, 'verifying chunks', store, options, clock)
}

/** The same for manifests. If both share a throttle, together they keep to the rate. */
export function scrubManifestsRegularly(
  store: Storage & Counted,
  options: ScrubOptions,
  report: ManifestReport,
  clock: Clock,
  throttle: Throttle,
): RegularScrub {
  const scrub = new ManifestScrub(store, options, report, clock, throttle)
  return regularly(scrub, 'verifying manifests', store, options, clock)
}

function regularly(
  scrub: Pick<Scrub, 'run'>,
  doing: string,
  store: Pick<Storage, 'options'>,
  { scrubRate, scrubIntervalMs }: ScrubOptions,
  clock: Clock,
): RegularScrub {
  const abort = new AbortController()
  const { signal } = abort
  const scrubOn = async () => {
    while (!signal.aborted) {
      try {
        await scrub.run(signal)
      } catch (error) {
        if (!signal.aborted) store.options.onBackgroundError(error, doing)
      }
      // Only stopping cuts a pause short.
      await clock.wait(Math.min(pauseMs, scrubIntervalMs), signal).catch(() => undefined)
    }
  }
  const running = scrubRate > 0 ? scrubOn() : Promise.resolve()
  return {
    async stop() {
      abort.abort()
      await running
    },
  }
}
