import type { StoredChunk } from '../../chunks/chunk-store.ts'
import { findUnknownManifests } from './collect-manifests.ts'
import type { Counted, Storage } from '../state/file-store.ts'
import { inBatches } from '../../rx/at-once.ts'

export interface FoundOrphans {
  readonly orphans: number
  readonly bytes: number
}

/** Locations that are held in memory, and that one transaction looks at. */
export const orphanBatch = 1000

/**
 * Finds what the chunk store has and the catalog has never heard of, as a kill in the middle of a
 * put leaves it, and makes garbage of it, which is collected when its time of grace is over. May
 * run beside everything else.
 *
 * That nobody will tell the catalog of such a location rests on three things: only the process that
 * has the catalog puts chunks; those that it has put and not settled are left alone; and a location
 * is never used again. Several processes over one catalog would have to know of each other's
 * uncommitted puts.
 */
export async function findOrphans(store: Storage & Counted, signal?: AbortSignal): Promise<FoundOrphans> {
  // To a catalog that has lost rows all that they told of would be orphans.
  await store.health.verify()
  let orphans = 0
  let bytes = 0
  for await (const batch of inBatches(store.chunks.list(signal && { signal }), orphanBatch)) {
    const marked = await store.catalog.markOrphans(await withoutUncommitted(store, batch), Date.now())
    orphans += marked.length
    for (const { size } of marked) bytes += size
  }
  await findUnknownManifests(store, signal)
  return { orphans, bytes }
}

/**
 * Without what damage hides, and those of puts that are under way. The catalog must be asked
 * afterwards: what is settled later than this look is left out, and what was settled before is
 * known to the catalog by then.
 */
async function withoutUncommitted(
  { uncommitted }: Pick<Counted, 'uncommitted'>,
  batch: readonly StoredChunk[],
): Promise<readonly StoredChunk[]> {
  await uncommitted.endOfPuts()
  return batch.filter(({ location, isDamaged }) => !isDamaged && !uncommitted.has(location))
}
