import type { ChunkStore } from '../../chunks/chunk-store.ts'
import type { Location } from '../../model/chunk.ts'

/**
 * Knows where bytes were put of which the catalog has not been told yet. Such a location is in
 * doubt from before its put begins, since a store may list it by then, until it is settled: the
 * catalog knows it, or has refused it, or its bytes are deleted. What is forgotten here is never
 * mistaken for an orphan: it only stays.
 */
export class UncommittedPuts {
  /** With the time at which the put began. */
  readonly #locations = new Map<Location, number>()
  readonly #underWay = new Map<Promise<Location>, number>()

  /** The same store. Every put through it is uncommitted, and every delete settles. */
  watch(store: ChunkStore): ChunkStore {
    return {
      put: (digest, pieces, options) => this.#remember(store.put(digest, pieces, options)),
      read: (location, offset, into, options) => store.read(location, offset, into, options),
      delete: (location, options) =>
        // Also if it fails: then nobody but a search for orphans will ever find the bytes.
        store.delete(location, options).finally(() => this.forget(location)),
      list: (options) => store.list(options),
      close: () => store.close(),
    }
  }

  forget(location: Location): void {
    this.#locations.delete(location)
  }

  /** Locations that are in doubt, puts under way aside. */
  get size(): number {
    return this.#locations.size
  }

  /**
   * When the first of the puts that are under way or in doubt began, in milliseconds since 1970;
   * `Infinity` if there is none.
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
   * Resolves when every put that is under way now has ended, and its location is known. Puts never
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
