import { collectGarbage, type CollectedGarbage } from './collect-garbage.ts'
import type { FileStore } from './file-store.ts'

export interface RegularCollection {
  /** Ends the run under way between two of its steps, and resolves when none will follow. */
  stop(): Promise<void>
}

/** Collects garbage now and then; the next run begins `intervalMs` after the last has ended. */
export function collectRegularly(
  store: FileStore,
  intervalMs: number,
  onCollected: (collected: CollectedGarbage) => void,
): RegularCollection {
  const abort = new AbortController()
  let timer: NodeJS.Timeout
  let running = Promise.resolve()
  const run = async () => {
    try {
      onCollected(await collectGarbage(store, abort.signal))
    } catch (error) {
      if (!abort.signal.aborted) store.options.onBackgroundError(error, 'collecting garbage')
    }
    if (!abort.signal.aborted) wait()
  }
  const wait = () => {
    timer = setTimeout(() => {
      running = run()
    }, intervalMs)
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
