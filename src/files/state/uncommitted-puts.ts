import type { ChunkStore } from '../../chunks/chunk-store.ts'
import type { Location } from '../../model/chunk.ts'

/**
 * Tracks locations that the catalog may not know yet. A location is uncommitted from before its put
 * begins, because the store may already list it, until the catalog knows it or has refused it, or
 * its bytes are deleted. What is lost from this list is never mistaken for an orphan: it only
 * stays.
 */
export class UncommittedPuts {
  /** With the time when the put began. */
  readonly #locations = new Map<Location, number>()
  readonly #underWay = new Map<Promise<Location>, number>()

  /** Wraps the store: tracks every put, and forgets a location when it is deleted. */
  watch(store: ChunkStore): ChunkStore {
    return {
      put: (digest, pieces, options) => this.#remember(store.put(digest, pieces, options)),
      read: (location, offset, into, options) => store.read(location, offset, into, options),
      delete: (location, options) =>
        // Also if it fails: only a search for orphans will find the bytes then.
        store.delete(location, options).finally(() => this.forget(location)),
      list: (options) => store.list(options),
      close: () => store.close(),
    }
  }

  forget(location: Location): void {
    this.#locations.delete(location)
  }

  /** Uncommitted locations, not counting puts under way. */
  get size(): number {
    return this.#locations.size
  }

  /**
   * When the oldest uncommitted put began, in milliseconds since 1970; `Infinity` if there is none.
   */
  get since(): number {
    let since = Infinity
    for (const begun of [this.#locations, this.#underWay])
      for (const at of begun.values()) since = Math.min(since, at)
    return since
  }

  has(location: Location): boolean {
    return this.#locations.has(location)
  }

  /**
   * Resolves when every put that is now under way has ended and its location is known. Puts never
   * wait for a client.
   */
  async endOfPuts(): Promise<void> {
    await Promise.allSettled(this.#underWay.keys())
  }

  async #remember(put: Promise<Location>): Promise<Location> {
    const begun = Date.now()
    this.#underWay.set(put, begun)
    try {
      const location = await put
      this.#locations.set(location, begun)
      return location
    } finally {
      this.#underWay.delete(put)
    }
  }
}
