import { from, lastValueFrom, mergeMap } from 'rxjs'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { orphansFoundBefore } from './heartbeat.ts'
import { inBatches } from '../../rx/at-once.ts'

/** Locations in memory, and per transaction. */
const batchSize = 1000
/** Deletes at once if the store does not batch them: each holds a connection. */
const deletesAtOnce = 8

/**
 * Finds manifests that the catalog has never heard of, such as a kill between a manifest and its
 * commit leaves, and marks them as garbage. Safe for the same reasons as `findOrphans`. Resolves
 * with their number.
 */
export async function findUnknownManifests(store: Storage & Counted, signal?: AbortSignal): Promise<number> {
  const { manifests, uncommitted, catalog } = store
  let found = 0
  for await (const batch of inBatches(manifests.list(signal && { signal }), batchSize)) {
    await uncommitted.endOfPuts()
    const settled = batch
      .filter(({ location, isDamaged }) => !isDamaged && !uncommitted.has(location))
      .map(({ location }) => location)
    found += (await catalog.markUnknownManifests(settled, Date.now())).length
  }
  return found
}

/**
 * Deletes manifests of unlinked files that are still there, and unknown ones that were found long
 * enough ago.
 */
export async function deleteUnlinkedManifests(
  store: Storage & OpenUploads & Counted,
  signal?: AbortSignal,
): Promise<void> {
  const { manifests, catalog } = store
  for (;;) {
    signal?.throwIfAborted()
    const ended = await catalog.listUnlinkedManifests(batchSize, await orphansFoundBefore(store))
    if (ended.length === 0) return
    const atOnce = store.batching?.concurrency ?? deletesAtOnce
    await lastValueFrom(from(ended).pipe(mergeMap((location) => manifests.delete(location), atOnce)))
    await catalog.forgetManifests(ended)
  }
}
