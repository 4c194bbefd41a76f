import { countUnknown } from './check-store.ts'
import type { Collectable } from '../catalog/upkeep.ts'
import type { StoreToRead } from './opened-store.ts'

export interface PlannedCollection extends Collectable {
  /**
   * Locations that no chunk has: of uploads under way, or left by a kill. Only a collection can
   * tell which.
   */
  readonly unknown: number
  readonly unknownBytes: number
}

/** What a collection would delete now. Changes nothing. */
export async function planCollection(store: StoreToRead): Promise<PlannedCollection> {
  const now = Date.now()
  const { collectGraceMs, orphanGraceMs } = store.graces
  const collectable = await store.inspection.countCollectable({
    unlinkedBefore: now - collectGraceMs,
    expiredBefore: now,
    foundBefore: now - orphanGraceMs,
  })
  return { ...collectable, ...(await countUnknown(store)) }
}
