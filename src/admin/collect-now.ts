import { collectGarbage, type CollectedGarbage } from '../files/upkeep/collect-garbage.ts'
import { findOrphans } from '../files/upkeep/find-orphans.ts'
import type { OpenedStore } from './opened-store.ts'

export interface CollectedNow extends CollectedGarbage {
  /** What the catalog had never heard of. Collected, too, if it has no time of grace. */
  readonly orphans: number
  readonly orphanBytes: number
}

/** Does at once what a server does now and then. */
export async function collectNow({ store }: OpenedStore): Promise<CollectedNow> {
  const { orphans, bytes: orphanBytes } = await findOrphans(store)
  return { ...(await collectGarbage(store)), orphans, orphanBytes }
}
