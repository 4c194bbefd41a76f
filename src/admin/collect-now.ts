import { collectGarbage, type CollectedGarbage } from '../files/upkeep/collect-garbage.ts'
import { findOrphans } from '../files/upkeep/find-orphans.ts'
import type { OpenedStore } from './opened-store.ts'

export interface CollectedNow extends CollectedGarbage {
  /** Orphans; collected, too, if they have no grace time. */
  readonly orphans: number
  readonly orphanBytes: number
}

/** Does at once what a server does regularly. */
export async function collectNow({ store }: OpenedStore): Promise<CollectedNow> {
  const { orphans, bytes: orphanBytes } = await findOrphans(store)
  return { ...(await collectGarbage(store)), orphans, orphanBytes }
}
