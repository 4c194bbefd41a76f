import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { LeaderLock } from '../../catalog/leader-lock.ts'

/** Something that goes on until it is stopped. */
export interface Ongoing {
  stop(): Promise<void>
}

export interface LeaderOptions {
  /** How long to wait before trying again to become the leader. */
  readonly retryMs: number
  readonly onError: (error: unknown, doing: string) => void
}

/**
 * Calls `begin` when this process becomes the leader, and stops what it began when another may
 * lead.
 */
export function runAsLeader(
  lock: LeaderLock,
  begin: () => readonly Ongoing[],
  { retryMs, onError }: LeaderOptions,
): Ongoing {
  const stopping = new AbortController()
  const { signal } = stopping
  const lead = async () => {
    const leadership = await lock.tryAcquire()
    if (!leadership) return
    const ongoing = begin()
    const isOver = AbortSignal.any([leadership.signal, signal])
    if (!isOver.aborted) await once(isOver, 'abort')
    await Promise.all(ongoing.map((each) => each.stop()))
    await leadership.release()
  }
  const run = async () => {
    while (!signal.aborted) {
      try {
        await lead()
      } catch (error) {
        onError(error, 'leading the upkeep of the store')
      }
      // Only stopping cuts the pause short.
      await setTimeout(retryMs, undefined, { signal, ref: false }).catch(() => undefined)
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
