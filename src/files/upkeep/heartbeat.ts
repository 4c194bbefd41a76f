import { singleNode, type InUse } from '../../catalog/membership.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'

/** Tells other processes what this one uses, and resolves with what any process uses. */
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
 * Orphans that were found later may belong to a put that is about to be committed. Milliseconds
 * since 1970.
 */
export async function orphansFoundBefore(store: Storage & OpenUploads & Counted): Promise<number> {
  const { putsSince } = await heartbeat(store)
  return Math.min(Date.now() - store.options.orphanGraceMs, putsSince) - skewOf(store)
}

/** The interval of heartbeats among processes that share a catalog. */
export const heartbeatMs = 10_000

/**
 * An upload that another process began to receive this recently may not be known here yet.
 * Milliseconds.
 */
export function untoldMs({ membership }: Pick<Counted, 'membership'>): number {
  return membership === singleNode ? 0 : 2 * heartbeatMs
}

/** How far the clock of another process may be behind. */
export function skewOf({ options }: Pick<Storage, 'options'>): number {
  return options.maxClockSkewMs ?? 0
}
