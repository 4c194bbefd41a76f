import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import type { Location } from '../../src/model/chunk.ts'

export interface Overlay {
  readonly store: ChunkStore
  readonly deleted: ReadonlySet<Location>
  readonly added: ReadonlySet<Location>
}

/** The same store to whoever uses it; what is deleted stays in the one below, and is hidden. */
export function overlay(below: ChunkStore): Overlay {
  const deleted = new Set<Location>()
  const added = new Set<Location>()
  const store: ChunkStore = {
    async put(...args) {
      const location = await below.put(...args)
      added.add(location)
      return location
    },
    async read(location, ...rest) {
      // The store below rejects `not_found` for a location that it never had.
      return below.read(deleted.has(location) ? ('deleted' as Location) : location, ...rest)
    },
    async delete(location) {
      deleted.add(location)
    },
    async *list(options) {
      for await (const chunk of below.list(options)) if (!deleted.has(chunk.location)) yield chunk
    },
    close: async () => {},
  }
  return { store, deleted, added }
}
