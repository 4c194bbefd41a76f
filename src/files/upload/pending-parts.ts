import type { ChunkUse } from '../../catalog/catalog.ts'
import type { Location } from '../../model/chunk.ts'
import { isRefusal, isStoreError } from '../../model/errors.ts'
import type { Counted, Storage } from '../state/file-store.ts'

/**
 * A chunk of an upload that is durable, but which the catalog does not know as a part of it yet.
 */
export interface StoredPart {
  readonly index: number
  readonly use: ChunkUse
  /**
   * Puts the bytes for this upload alone, in case that the present chunk it is to use is gone by
   * then.
   */
  readonly putAfterAll: () => Promise<Location>
  /** Gives back the buffers that the part still holds. */
  readonly release: () => void
}

/**
 * Owns the parts of one upload until the catalog does. Whatever happens, the buffers of each go
 * back once, and bytes that no catalog will ever know of are deleted.
 */
export class PendingParts {
  readonly #store: Storage & Counted
  readonly #parts = new Set<StoredPart>()
  #isAbandoned = false

  constructor(store: Storage & Counted) {
    this.#store = store
  }

  add(part: StoredPart): void {
    if (this.#isAbandoned) this.#discard(part)
    else this.#parts.add(part)
  }

  /**
   * Hands parts over to the catalog by `call`, which gets their uses. A present chunk that is gone
   * meanwhile is put anew. Where the answer is lost the bytes stay, as an orphan that can be found,
   * instead of a file with a hole.
   */
  async handOver<T>(
    parts: readonly StoredPart[],
    call: (uses: readonly ChunkUse[]) => Promise<T>,
  ): Promise<T> {
    for (const part of parts) this.#parts.delete(part)
    const owned = [...parts]
    let isUncertain = false
    const attempt = async () => {
      try {
        return await call(owned.map(({ use }) => use))
      } catch (error) {
        isUncertain = !isRefusal(error)
        throw error
      }
    }
    try {
      const answer = await attempt().catch(async (error: unknown) => {
        if (!isStoreError(error, 'chunk_gone')) throw error
        await putMissing(owned)
        return attempt()
      })
      this.#forgetPuts(owned)
      return answer
    } catch (error) {
      // What has become of the call is certain to the catalog itself: it can tell later whether
      // these are orphans.
      if (isUncertain) this.#forgetPuts(owned)
      else for (const part of owned) this.#deleteBytes(part)
      throw error
    } finally {
      for (const part of parts) part.release()
    }
  }

  /** Nobody will hand over what is left, or what is still being stored. */
  abandon(): void {
    this.#isAbandoned = true
    for (const part of this.#parts) this.#discard(part)
    this.#parts.clear()
  }

  #forgetPuts(parts: readonly StoredPart[]): void {
    for (const { use } of parts) if (use.location) this.#store.uncommitted.forget(use.location)
  }

  #discard(part: StoredPart): void {
    part.release()
    this.#deleteBytes(part)
  }

  #deleteBytes({ use }: StoredPart): void {
    if (!use.location) return
    const location = use.location
    this.#store.chunks
      .delete(location)
      .catch((error: unknown) =>
        this.#store.options.onBackgroundError(error, `deleting unused chunk ${location}`),
      )
  }
}

/** Changes `owned` part by part, so that what was put before one fails is known. */
async function putMissing(owned: StoredPart[]): Promise<void> {
  for (const [index, part] of owned.entries()) {
    if (part.use.location) continue
    owned[index] = { ...part, use: { ...part.use, location: await part.putAfterAll() } }
  }
}
