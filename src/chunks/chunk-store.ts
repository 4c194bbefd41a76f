import type { Location } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'

export interface CallOptions {
  /**
   * Ends the call early with the signal's reason. What it has begun is undone or becomes garbage.
   */
  readonly signal?: AbortSignal
}

export interface ListOptions extends CallOptions {
  /** Only chunks after this location, which need not exist any more. */
  readonly after?: Location
}

export interface PutOptions extends CallOptions {
  /** Called once when the store no longer reads the pieces, before the put settles, or never. */
  readonly onTaken?: () => void
}

export interface ReadOptions extends CallOptions {
  /** Raw block digests of the whole chunk. Drivers ignore them; `verifying` needs them. */
  readonly blockDigests: Uint8Array
  /** Bytes in the whole chunk. */
  readonly size: number
  /**
   * Where in the chunk the reader will end if nothing stops it, read by read. A store may prepare
   * for that. Without it, the store takes each read as it comes.
   */
  readonly until?: number
}

export interface StoredChunk {
  readonly location: Location
  /**
   * The digest that it was put with. The bytes may not match it: a crash may have cut the put
   * short.
   */
  readonly digest: Digest
  readonly size: number
  /**
   * Damage hides which chunks these bytes are. Something may still use them, so they are not
   * garbage, even if nothing knows the location.
   */
  readonly isDamaged?: true
}

/**
 * Some stores put or delete small concurrent chunks in one operation. Such a store gains from many
 * concurrent calls.
 */
export interface Batching {
  /** The largest chunk that is batched. */
  readonly bytes: number
  /** How many chunks are worth putting or deleting at once. */
  readonly concurrency: number
}

/** Keeps immutable chunks. Every put writes to a new location, so writers never collide. */
export interface ChunkStore {
  /** Resolves once the bytes would survive a power cut. Rejects `no_space`, `unavailable`. */
  put(digest: Digest, pieces: readonly Uint8Array[], options?: PutOptions): Promise<Location>
  /**
   * Fills `into` from byte `offset` on. Rejects `not_found` if the chunk is absent, and `corrupt`
   * if it ends early or its disk has lost it. Only when it settles, aborted or not, is nothing
   * written to `into` any more.
   */
  read(location: Location, offset: number, into: Uint8Array, options: ReadOptions): Promise<void>
  /** Also resolves if the chunk was already gone. */
  delete(location: Location, options?: CallOptions): Promise<void>
  /** Every location with its digest and its size, sorted by location. */
  list(options?: ListOptions): AsyncIterable<StoredChunk>
  close(): Promise<void>
}
