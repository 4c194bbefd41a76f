import { concatAll, from, lastValueFrom, mergeMap, toArray } from 'rxjs'
import type { Garbage } from '../../catalog/upkeep.ts'
import type { Location } from '../../model/chunk.ts'
import { deleteUnlinkedManifests } from './collect-manifests.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { heartbeat, orphansFoundBefore, skewOf, untoldMs } from './heartbeat.ts'

export interface CollectedGarbage {
  /** Uploads that nobody continued in time. */
  readonly uploads: number
  /** Chunks whose bytes were deleted, orphans included. */
  readonly chunks: number
  readonly bytes: number
}

/** Rows per transaction: other changes wait no longer than that. */
const stepSize = 1000
const deletesAtOnce = 8

/**
 * Deletes expired uploads, and every chunk that no file, upload or download uses. The catalog
 * decides in one transaction, and only then are bytes deleted: a crash in between leaves garbage
 * for the next run, not a loss. May run beside everything else, itself included. Rejects `corrupt`,
 * and deletes nothing, if the catalog is damaged.
 */
export async function collectGarbage(
  store: Storage & OpenUploads & Counted,
  signal?: AbortSignal,
): Promise<CollectedGarbage> {
  await store.health.verify()
  const uploads = await deleteExpiredUploads(store, signal)
  await forgetUnusedChunks(store, signal)
  await deleteUnlinkedManifests(store, signal)
  return { uploads, ...(await deleteGarbage(store, signal)) }
}

async function deleteExpiredUploads(
  store: Storage & OpenUploads & Counted,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { catalog } = store
  let deleted = 0
  for (;;) {
    signal?.throwIfAborted()
    const expiredBefore = Date.now() - skewOf(store) - untoldMs(store)
    // Uploads that are being received never expire meanwhile.
    const inUse = new Set((await heartbeat(store)).inUse)
    // They stay in the list: ask for that many more.
    const expired = await catalog.listExpiredUploads(expiredBefore, stepSize + inUse.size)
    const idle = expired.filter(({ id }) => !inUse.has(id) && !store.receiving.has(id))
    for (const { id } of idle) if (await catalog.deleteUpload(id, expiredBefore)) deleted++
    if (idle.length < stepSize) return deleted
  }
}

async function forgetUnusedChunks(
  store: Storage & OpenUploads & Counted,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { catalog, options } = store
  let hasMore = true
  while (hasMore) {
    signal?.throwIfAborted()
    const { inUse, lookupsSince } = await heartbeat(store)
    // A lookup that began earlier may be about to open what is unlinked now.
    const unlinkedBefore = Math.min(Date.now() - options.collectGraceMs, lookupsSince) - skewOf(store)
    hasMore = (await catalog.collectChunks({ unlinkedBefore, inUse, limit: stepSize })).hasMore
  }
}

/** What cannot be deleted stays for the next run, and does not stop the other deletions. */
async function deleteGarbage(
  store: Storage & OpenUploads & Counted,
  signal: AbortSignal | undefined,
): Promise<Omit<CollectedGarbage, 'uploads'>> {
  const failed = new Map<Location, unknown>()
  let chunks = 0
  let bytes = 0
  for (;;) {
    signal?.throwIfAborted()
    // Failed ones stay in the list: ask for that many more.
    const foundBefore = await orphansFoundBefore(store)
    const garbage = await store.catalog.listGarbage(stepSize + failed.size, foundBefore)
    const untried = garbage.filter(({ location }) => !failed.has(location))
    if (untried.length === 0) break
    const gone = await deleteAll(store, untried, failed)
    await store.catalog.forgetGarbage(gone.map(({ location }) => location))
    chunks += gone.length
    for (const { size } of gone) bytes += size
    if (gone.length === 0) break
  }
  for (const error of failed.values()) throw error
  return { chunks, bytes }
}

/** Resolves with what was deleted, and adds the others to `failed`. */
function deleteAll(
  store: Pick<Storage, 'batching' | 'chunks'>,
  garbage: readonly Garbage[],
  failed: Map<Location, unknown>,
): Promise<readonly Garbage[]> {
  const deleteOne = async (one: Garbage) => {
    try {
      await store.chunks.delete(one.location)
      return [one]
    } catch (error) {
      failed.set(one.location, error)
      return []
    }
  }
  return lastValueFrom(
    from(garbage).pipe(
      mergeMap(deleteOne, store.batching?.concurrency ?? deletesAtOnce),
      concatAll(),
      toArray(),
    ),
  )
}
