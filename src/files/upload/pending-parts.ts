import type { ChunkUse } from '../../catalog/catalog.ts'
import type { Location } from '../../model/chunk.ts'
import { isRefusal, isStoreError } from '../../model/errors.ts'
import type { Counted, Storage } from '../state/file-store.ts'

/** A durable chunk of an upload that the catalog does not know as a part of it yet. */
export interface StoredPart {
  readonly index: number
  readonly use: ChunkUse
  /** Puts the bytes for this upload, in case the present chunk that it was to use is gone. */
  readonly putAfterAll: () => Promise<Location>
  /** Gives back the buffers that the part holds. */
  readonly release: () => void
}

/**
 * Owns the parts of an upload until the catalog does. Whatever happens, each buffer goes back once,
 * and bytes that no catalog will ever know are deleted.
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
   * Hands parts over to the catalog through `call`, which gets their uses. Puts a present chunk
   * again if it is gone by now. If the answer is lost the bytes stay, as an orphan that can be
   * found, because the alternative is a file with a hole.
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
      // The catalog knows what became of the call: it can tell later whether these are orphans.
      if (isUncertain) this.#forgetPuts(owned)
      else for (const part of owned) this.#deleteBytes(part)
      throw error
    } finally {
      for (const part of parts) part.release()
    }
  }

  /** Deletes what is left and what is still being stored: nobody will hand it over. */
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

/** Replaces parts in `owned` one by one, so that a failure leaves known what was put before. */
async function putMissing(owned: StoredPart[]): Promise<void> {
  for (const [index, part] of owned.entries()) {
    if (part.use.location) continue
    owned[index] = { ...part, use: { ...part.use, location: await part.putAfterAll() } }
  }
}
