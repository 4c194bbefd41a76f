import { once } from 'node:events'
import type { LeaderLock } from '../../catalog/leader-lock.ts'
import { repeat, type Ongoing } from './repeat.ts'

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
  const lead = async (signal: AbortSignal) => {
    const leadership = await lock.tryAcquire()
    if (!leadership) return
    const ongoing = begin()
    const isOver = AbortSignal.any([leadership.signal, signal])
    if (!isOver.aborted) await once(isOver, 'abort')
    await Promise.all(ongoing.map((each) => each.stop()))
    await leadership.release()
  }
  return repeat(lead, retryMs, (error) => onError(error, 'leading the upkeep of the store'))
}
