import type { FileStore } from '../../files/state/file-store.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'

/** A probe of the catalog is a commit, and anybody may ask: so many answers share one. */
const probeMs = 1000

export interface Ready {
  readonly status: 'ready'
  /** Absent while files can be stored. */
  readonly writes?: 'no_space'
}

/**
 * Resolves if the store can be used. Rejects `unavailable`, from at most a second after it became
 * so.
 */
export function readinessOf({ catalog, options, health, freeSpace }: FileStore): () => Promise<Ready> {
  let probedAt = -Infinity
  let probe = Promise.resolve(true)
  return async () => {
    if (health.isDamaged) {
      throw new StoreError('unavailable', 'The catalog is damaged: the log says what to do.')
    }
    await options.confirmStore?.()
    const now = performance.now()
    if (now - probedAt >= probeMs) {
      probedAt = now
      // A change, though one of nothing: a catalog that failed to sync still reads, and takes no
      // changes until it is restarted.
      probe = takesChanges(catalog)
    }
    // A full disk still serves and deletes, which a server that is taken out of rotation could not.
    const hasSpace = (await probe) && !(await freeSpace.isFull())
    return { status: 'ready', ...(!hasSpace && { writes: 'no_space' as const }) }
  }
}

/** Resolves with false if only space is missing: what is kept for deletions is not for looking. */
async function takesChanges(catalog: FileStore['catalog']): Promise<boolean> {
  try {
    await catalog.forgetGarbage([])
    return true
  } catch (error) {
    if (isStoreError(error, 'no_space')) return false
    throw error
  }
}
