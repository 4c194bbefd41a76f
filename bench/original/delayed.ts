import { setTimeout as wait } from 'node:timers/promises'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'

/**
 * A store that answers late, as one far away would: each read and each put begins so much later.
 */
export function delayed(store: ChunkStore, ms: number): ChunkStore {
  return {
    async put(digest, pieces, options) {
      await wait(ms)
      return store.put(digest, pieces, options)
    },
    async read(location, offset, into, options) {
      await wait(ms)
      await store.read(location, offset, into, options)
    },
    delete: (location, options) => store.delete(location, options),
    list: (options) => store.list(options),
    close: () => store.close(),
  }
}
