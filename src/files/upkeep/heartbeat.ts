import { singleNode, type InUse } from '../../catalog/membership.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'

/** Tells other processes what this one counts on, and resolves with what anybody does. */
export function heartbeat({
  membership,
  activeDownloads,
  receiving,
  uncommitted,
}: OpenUploads & Counted): Promise<InUse> {
  const { kept, lookupsSince } = activeDownloads
  return membership.heartbeat({ inUse: [...kept, ...receiving], lookupsSince, putsSince: uncommitted.since })
}

/**
 * An orphan that was found later may be of a put that somebody is about to make known. Milliseconds
 * since 1970.
 */
export async function orphansFoundBefore(store: Storage & OpenUploads & Counted): Promise<number> {
  const { putsSince } = await heartbeat(store)
  return Math.min(Date.now() - store.options.orphanGraceMs, putsSince) - skewOf(store)
}

/** How often processes over one catalog tell each other what they count on. */
export const heartbeatMs = 10_000

/**
 * What another process has begun to receive so recently may not have been told yet. Milliseconds.
 */
export function untoldMs({ membership }: Pick<Counted, 'membership'>): number {
  return membership === singleNode ? 0 : 2 * heartbeatMs
}

/** By how much the clock of another process may be behind. */
export function skewOf({ options }: Pick<Storage, 'options'>): number {
  return options.maxClockSkewMs ?? 0
}
