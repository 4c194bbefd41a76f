import { collectGarbage, type CollectedGarbage } from './collect-garbage.ts'
import type { FileStore } from './file-store.ts'
import { findOrphans, type FoundOrphans } from './find-orphans.ts'

export interface RegularCollection {
  /** Ends the run under way between two of its steps, and resolves when none will follow. */
  stop(): Promise<void>
}

export interface CollectionTimes {
  /** From the end of one run to the beginning of the next. */
  readonly collectIntervalMs: number
  /** The first run looks for orphans, and then every one that comes so long after the last that did. */
  readonly orphanIntervalMs: number
}

export interface CollectionReport {
  collected(garbage: CollectedGarbage): void
  foundOrphans(found: FoundOrphans): void
}

/** Collects garbage now and then. What fails is reported to `onBackgroundError`, and tried again in the next run. */
export function collectRegularly(
  store: FileStore,
  { collectIntervalMs, orphanIntervalMs }: CollectionTimes,
  report: CollectionReport,
): RegularCollection {
  const abort = new AbortController()
  let timer: NodeJS.Timeout
  let running = Promise.resolve()
  let lookAgainAt = -Infinity
  const attempt = async (doing: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      if (!abort.signal.aborted) store.options.onBackgroundError(error, doing)
    }
  }
  const lookForOrphans = async () => {
    if (performance.now() < lookAgainAt) return
    const found = await findOrphans(store, abort.signal)
    lookAgainAt = performance.now() + orphanIntervalMs
    report.foundOrphans(found)
  }
  const run = async () => {
    await attempt('looking for orphans', lookForOrphans)
    await attempt('collecting garbage', async () => {
      report.collected(await collectGarbage(store, abort.signal))
    })
    if (!abort.signal.aborted) wait()
  }
  const wait = () => {
    timer = setTimeout(() => {
      running = run()
    }, collectIntervalMs)
  }
  wait()
  return {
    async stop() {
      abort.abort()
      clearTimeout(timer)
      await running
    },
  }
}
