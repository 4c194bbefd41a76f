import type { StoredChunk } from '../../chunks/chunk-store.ts'
import { findUnknownManifests } from './collect-manifests.ts'
import type { Counted, Storage } from '../state/file-store.ts'
import { inBatches } from '../../rx/at-once.ts'

export interface FoundOrphans {
  readonly orphans: number
  readonly bytes: number
}

/** Locations in memory, and per transaction. */
export const orphanBatch = 1000

/**
 * Finds orphans, such as a kill in the middle of a put leaves, and marks them as garbage, which is
 * collected after its grace time. May run beside everything else.
 *
 * Nobody will make an orphan's location known to the catalog later, for three reasons. Only the
 * process that has the catalog puts chunks; it leaves alone what it has put and not committed; and
 * a location is never reused. Several processes over one catalog tell each other of their
 * uncommitted puts.
 */
export async function findOrphans(store: Storage & Counted, signal?: AbortSignal): Promise<FoundOrphans> {
  // A catalog that has lost rows would take everything in them for orphans.
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
 * Leaves out damaged locations and uncommitted puts. Ask the catalog afterwards: what is committed
 * after this call is left out, and what was committed before is known to the catalog by then.
 */
async function withoutUncommitted(
  { uncommitted }: Pick<Counted, 'uncommitted'>,
  batch: readonly StoredChunk[],
): Promise<readonly StoredChunk[]> {
  await uncommitted.endOfPuts()
  return batch.filter(({ location, isDamaged }) => !isDamaged && !uncommitted.has(location))
}
