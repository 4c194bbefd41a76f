import type { Counted, Storage, Transfer } from '../state/file-store.ts'
import { ManifestScrub, type ManifestReport } from './scrub-manifests.ts'
import { repeat, type Ongoing } from './repeat.ts'
import { Scrub, type ScrubOptions, type ScrubReport } from './scrub.ts'
import { systemClock, Throttle, type Clock } from './throttle.ts'

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
): Ongoing {
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
): Ongoing {
  const scrub = new ManifestScrub(store, options, report, clock, throttle)
  return regularly(scrub, 'verifying manifests', store, options, clock)
}

function regularly(
  scrub: Pick<Scrub, 'run'>,
  doing: string,
  store: Pick<Storage, 'options'>,
  { scrubRate, scrubIntervalMs }: ScrubOptions,
  clock: Clock,
): Ongoing {
  if (scrubRate === 0) return { stop: async () => {} }
  const work = (signal: AbortSignal) => scrub.run(signal)
  const report = (error: unknown) => store.options.onBackgroundError(error, doing)
  return repeat(work, Math.min(pauseMs, scrubIntervalMs), report, clock)
}
