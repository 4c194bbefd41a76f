import type { Location } from '../../model/chunk.ts'
import { parseDigest, type Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import type { CallOptions, ChunkStore, ListOptions, ReadOptions, StoredChunk } from '../chunk-store.ts'

/** Keeps chunks in memory until it is closed, for tests and experiments. */
export class MemoryChunkStore implements ChunkStore {
  readonly #chunks = new Map<Location, Buffer>()
  #puts = 0
  #isClosed = false

  async put(digest: Digest, pieces: readonly Uint8Array[], options?: CallOptions): Promise<Location> {
    this.#begin(options)
    this.#puts += 1
    const location = `${digest}.${this.#puts}` as Location
    this.#chunks.set(location, Buffer.concat(pieces))
    return location
  }

  async read(location: Location, offset: number, into: Uint8Array, options: ReadOptions): Promise<void> {
    this.#begin(options)
    const bytes = this.#chunks.get(location)
    if (!bytes) throw new StoreError('not_found', `There is no chunk at ${location}.`)
    if (offset + into.length > bytes.length) {
      throw new StoreError('corrupt', `The chunk at ${location} ends at byte ${bytes.length}.`)
    }
    into.set(bytes.subarray(offset, offset + into.length))
  }

  async delete(location: Location, options?: CallOptions): Promise<void> {
    this.#begin(options)
    this.#chunks.delete(location)
  }

  async *list(options?: ListOptions): AsyncGenerator<StoredChunk> {
    this.#begin(options)
    const { after = '' } = options ?? {}
    for (const location of [...this.#chunks.keys()].sort()) {
      const length = this.#chunks.get(location)?.length
      if (location <= after || length === undefined) continue
      yield { location, digest: parseDigest(location.slice(0, 64)), size: length }
      this.#begin(options)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#chunks.clear()
  }

  #begin(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted()
    if (this.#isClosed) throw new StoreError('unavailable', 'The chunk store is closed.')
  }
}
