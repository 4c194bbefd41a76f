import { collectGarbage, type CollectedGarbage } from './collect-garbage.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { findOrphans, type FoundOrphans } from './find-orphans.ts'

export interface RegularCollection {
  /** Stops the run under way between two steps, and resolves when none will follow. */
  stop(): Promise<void>
}

export interface CollectionTimes {
  /** From the end of one run to the start of the next. */
  readonly collectIntervalMs: number
  /** The first run searches for orphans, and then every run this long after the last search. */
  readonly orphanIntervalMs: number
}

export interface CollectionReport {
  collected(garbage: CollectedGarbage): void
  foundOrphans(found: FoundOrphans): void
}

/** Verifying the catalog takes at most a twentieth of the time. */
const pausesPerVerification = 20

/**
 * Collects garbage at an interval. The search for orphans lists everything in the store, so it runs
 * beside the collections, which do not wait for it. Failures are reported to `onBackgroundError`
 * and retried in the next run.
 */
export function collectRegularly(
  store: Storage & OpenUploads & Counted,
  { collectIntervalMs, orphanIntervalMs }: CollectionTimes,
  report: CollectionReport,
): RegularCollection {
  const abort = new AbortController()
  const { signal } = abort
  const attempt = async (doing: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      if (!signal.aborted) store.options.onBackgroundError(error, doing)
    }
  }
  let searching: Promise<void> | undefined
  let searchAgainAt = -Infinity
  const search = async () => {
    report.foundOrphans(await findOrphans(store, signal))
    searchAgainAt = performance.now() + orphanIntervalMs
  }
  const searchIfDue = () => {
    if (searching || performance.now() < searchAgainAt) return
    searching = attempt('looking for orphans', search).finally(() => (searching = undefined))
  }
  const collect = async () => report.collected(await collectGarbage(store, signal))
  let timer: NodeJS.Timeout
  let collecting = Promise.resolve()
  const run = async () => {
    searchIfDue()
    await attempt('collecting garbage', collect)
    if (signal.aborted) return
    wait(Math.max(collectIntervalMs, pausesPerVerification * store.health.verifiedInMs))
  }
  const wait = (ms: number) => {
    timer = setTimeout(() => {
      collecting = run()
    }, ms)
  }
  wait(collectIntervalMs)
  return {
    async stop() {
      abort.abort()
      clearTimeout(timer)
      await Promise.all([collecting, searching])
    },
  }
}
