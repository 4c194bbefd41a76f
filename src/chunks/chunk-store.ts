import type { Location } from '../model/chunk.ts'
import type { Digest } from '../model/digest.ts'

export interface CallOptions {
  /**
   * Ends the call early with the signal's reason; what was begun is undone or becomes collectable.
   */
  readonly signal?: AbortSignal
}

export interface ListOptions extends CallOptions {
  /** Only what comes behind this location, whether it is still there or not. */
  readonly after?: Location
}

export interface PutOptions extends CallOptions {
  /**
   * Called when the store does not look at the pieces any more: once, before the put settles, or
   * not at all.
   */
  readonly onTaken?: () => void
}

export interface ReadOptions extends CallOptions {
  /**
   * Raw block digests of the whole chunk. Drivers do not look at them; `verifying` cannot do
   * without.
   */
  readonly blockDigests: Uint8Array
  /** Bytes in the whole chunk. */
  readonly size: number
  /**
   * Where in the chunk the reader is going to end if nothing stops it, read by read. A store may
   * make ready for that; without it, it sees what comes.
   */
  readonly until?: number
}

export interface StoredChunk {
  readonly location: Location
  /** What it was put as. The bytes need not have it: a crash may have cut the put short. */
  readonly digest: Digest
  readonly size: number
  /**
   * Damage hides which chunks these bytes are. Somebody may count on them: they are no garbage,
   * whoever knows the location.
   */
  readonly isDamaged?: true
}

/**
 * Small chunks that come together are put, or deleted, in one operation by some stores: it pays
 * then to have many under way.
 */
export interface Batching {
  /** Of a chunk, at most. */
  readonly bytes: number
  /** Chunks that it is worth while to have under way. */
  readonly concurrency: number
}

/** Keeps immutable chunks. Every put goes to a location of its own, so no writer meets another. */
export interface ChunkStore {
  /** Resolves once the bytes would survive a power cut. Rejects `no_space`, `unavailable`. */
  put(digest: Digest, pieces: readonly Uint8Array[], options?: PutOptions): Promise<Location>
  /**
   * Fills `into` from byte `offset` on. Rejects `not_found` if absent, `corrupt` if it ends early
   * or its medium has lost it. When it settles, and not before, nothing writes to `into` any more,
   * aborted or not.
   */
  read(location: Location, offset: number, into: Uint8Array, options: ReadOptions): Promise<void>
  /** Resolves even if the chunk was already gone. */
  delete(location: Location, options?: CallOptions): Promise<void>
  /** Every location with its digest and its size, in the order of the locations. */
  list(options?: ListOptions): AsyncIterable<StoredChunk>
  close(): Promise<void>
}
