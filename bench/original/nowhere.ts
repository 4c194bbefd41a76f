import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { StoreError } from '../../src/model/errors.ts'
import type { Location } from '../../src/model/chunk.ts'

/** Takes everything and keeps nothing: what is left of an upload is the way there. */
export const nowhere: ChunkStore = {
  put: (digest) => Promise.resolve(digest as string as Location),
  read: () => Promise.reject(new StoreError('not_found', 'Nothing is kept here.')),
  delete: () => Promise.resolve(),
  async *list() {},
  close: () => Promise.resolve(),
}
