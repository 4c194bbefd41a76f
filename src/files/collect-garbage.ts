import { concatAll, from, lastValueFrom, mergeMap, toArray } from 'rxjs'
import type { Location } from '../model/chunk.ts'
import type { FileStore } from './file-store.ts'

export interface CollectedGarbage {
  /** Uploads that nobody continued in time. */
  readonly uploads: number
  /** Chunks whose bytes were deleted. */
  readonly chunks: number
}

/** Rows that one transaction looks at: others wait for no longer. */
const stepSize = 1000
const deletesAtOnce = 8

/**
 * Deletes expired uploads and every chunk that neither a file, nor an upload, nor a download counts on. The catalog
 * decides, in one transaction, and only then are bytes deleted; a crash in between leaves garbage for the next
 * run, not a loss. May run beside everything else, and is harmless beside itself.
 */
export async function collectGarbage(store: FileStore, signal?: AbortSignal): Promise<CollectedGarbage> {
  const uploads = await deleteExpiredUploads(store, signal)
  await forgetUnusedChunks(store, signal)
  const chunks = await deleteGarbage(store, signal)
  return { uploads, chunks }
}

async function deleteExpiredUploads(store: FileStore, signal: AbortSignal | undefined): Promise<number> {
  const { catalog, receiving } = store
  let deleted = 0
  for (;;) {
    signal?.throwIfAborted()
    // Those being received stay in the list: ask for so many more.
    const now = Date.now()
    const expired = await catalog.listExpiredUploads(now, stepSize + receiving.size)
    const idle = expired.filter(({ id }) => !receiving.has(id))
    for (const { id } of idle) if (await catalog.deleteUpload(id, now)) deleted++
    if (idle.length < stepSize) return deleted
  }
}

async function forgetUnusedChunks(store: FileStore, signal: AbortSignal | undefined): Promise<void> {
  const { catalog, openFiles, options } = store
  let hasMore = true
  while (hasMore) {
    signal?.throwIfAborted()
    // A lookup that began earlier may be about to open what is let go now.
    const letGoBefore = Math.min(Date.now() - options.collectGraceMs, openFiles.earliestLookup)
    const query = { letGoBefore, inUse: openFiles.inUse, limit: stepSize }
    hasMore = (await catalog.collectChunks(query)).hasMore
  }
}

/** What cannot be deleted stays for the next run, and keeps nothing else from being deleted in this one. */
async function deleteGarbage(store: FileStore, signal: AbortSignal | undefined): Promise<number> {
  const failed = new Map<Location, unknown>()
  let deleted = 0
  for (;;) {
    signal?.throwIfAborted()
    // Those that failed stay in the list: ask for so many more.
    const garbage = await store.catalog.listGarbage(stepSize + failed.size)
    const untried = garbage.filter((location) => !failed.has(location))
    if (untried.length === 0) break
    const gone = await deleteAll(store, untried, failed)
    await store.catalog.forgetGarbage(gone)
    deleted += gone.length
    if (gone.length === 0) break
  }
  for (const error of failed.values()) throw error
  return deleted
}

/** Resolves with the locations that are deleted, and adds the others to `failed`. */
function deleteAll(
  store: FileStore,
  locations: readonly Location[],
  failed: Map<Location, unknown>,
): Promise<Location[]> {
  const deleteOne = async (location: Location) => {
    try {
      await store.chunks.delete(location)
      return [location]
    } catch (error) {
      failed.set(location, error)
      return []
    }
  }
  return lastValueFrom(from(locations).pipe(mergeMap(deleteOne, deletesAtOnce), concatAll(), toArray()))
}
