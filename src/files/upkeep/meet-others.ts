import { alone, type CountedOn } from '../../catalog/presence.ts'
import type { FileStore } from '../state/file-store.ts'

/** Tells other processes what this one counts on, and resolves with what anybody does. */
export function meetOthers({ presence, openFiles, receiving, uncommitted }: FileStore): Promise<CountedOn> {
  const { kept, lookupsSince } = openFiles
  return presence.meet({ inUse: [...kept, ...receiving], lookupsSince, putsSince: uncommitted.since })
}

/** An orphan that was found later may be of a put that somebody is about to make known. Milliseconds since 1970. */
export async function orphansFoundBefore(store: FileStore): Promise<number> {
  const { putsSince } = await meetOthers(store)
  return Math.min(Date.now() - store.options.orphanGraceMs, putsSince) - skewOf(store)
}

/** How often processes over one catalog tell each other what they count on. */
export const meetingMs = 10_000

/** What another process has begun to receive so recently may not have been told yet. Milliseconds. */
export function untoldMs({ presence }: FileStore): number {
  return presence === alone ? 0 : 2 * meetingMs
}

/** By how much the clock of another process may be behind. */
export function skewOf({ options }: FileStore): number {
  return options.maxClockSkewMs ?? 0
}
