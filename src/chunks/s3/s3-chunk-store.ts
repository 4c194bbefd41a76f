import type { Location } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import { DrainGate } from '../wrappers/drain-gate.ts'
import type { CallOptions, ChunkStore, ListOptions, ReadOptions, StoredChunk } from '../chunk-store.ts'
import { isNoSuchKey, type Bucket } from './bucket.ts'
import { JoinedReads, type JoinedReadsOptions } from './joined-reads.ts'
import { digestOfLocation, newLocation } from '../chunk-location.ts'
import { checkLocation, locationOfKey } from './object-key.ts'
import { s3Error, statusOf } from './s3-error.ts'

/** What a put has left behind is deleted within that time, or stays until orphans are collected. */
const discardTimeoutMs = 5_000

/**
 * Keeps each chunk in an object of its own, `<prefix>ab/<digest>.<random>`, its bytes and nothing
 * else. Any number of stores may work on one prefix of a bucket. An object is there as a whole or
 * not at all, and what is deleted stays so: deletes are as durable as puts. A put that was aborted,
 * or whose answer was lost, may leave an object behind, which `list` shows.
 */
export class S3ChunkStore implements ChunkStore {
  readonly #bucket: Bucket
  readonly #prefix: string
  readonly #reads: JoinedReads
  readonly #calls = new DrainGate()
  #closed: Promise<void> | undefined

  constructor(bucket: Bucket, prefix: string, options: JoinedReadsOptions) {
    this.#bucket = bucket
    this.#prefix = prefix
    this.#reads = new JoinedReads(
      (location, from, to, signal) => bucket.get(this.#key(location), from, to, signal),
      options,
    )
  }

  put(digest: Digest, pieces: readonly Uint8Array[], { signal }: CallOptions = {}): Promise<Location> {
    return this.#call(`Cannot store chunk ${digest}`, signal, async () => {
      const location = newLocation(digest)
      try {
        await this.#bucket.put(this.#key(location), pieces, signal)
      } catch (error) {
        if (!isRefusal(error)) this.#discard(location)
        throw error
      }
      return location
    })
  }

  read(location: Location, offset: number, into: Uint8Array, options: ReadOptions): Promise<void> {
    return this.#call(`Cannot read chunk ${location}`, options.signal, async () => {
      checkLocation(location)
      try {
        await this.#reads.read(location, offset, into, options)
      } catch (error) {
        if (isNoSuchKey(error))
          throw new StoreError('not_found', `There is no chunk at ${location}.`, { cause: error })
        // The range begins behind the object's end.
        if (statusOf(error) === 416) {
          const message = `The chunk at ${location} ends before byte ${offset + into.length}.`
          throw new StoreError('corrupt', message, { cause: error })
        }
        throw error
      }
    })
  }

  delete(location: Location, { signal }: CallOptions = {}): Promise<void> {
    return this.#call(`Cannot delete chunk ${location}`, signal, async () => {
      checkLocation(location)
      await this.#bucket.delete(this.#key(location), signal)
      this.#reads.drop(location)
    })
  }

  /**
   * In the order of the locations. Holds a page of 1000. What is not named like a chunk is not
   * ours.
   */
  async *list({ signal, after }: ListOptions = {}): AsyncGenerator<StoredChunk> {
    const startAfter = after === undefined ? undefined : this.#key(after)
    let from: string | undefined
    do {
      // Only each step is a call: a listing that nobody goes on with must not keep the store from
      // closing.
      const page = await this.#call('Cannot list chunks', signal, () =>
        this.#bucket.list({ prefix: this.#prefix, from, startAfter, signal }),
      )
      for (const { key, size } of page.objects) {
        const location = locationOfKey(this.#prefix, key)
        if (location === undefined) continue
        yield { location, digest: digestOfLocation(location), size }
        signal?.throwIfAborted()
      }
      from = page.next
    } while (from !== undefined)
  }

  /**
   * Resolves when the calls under way have settled and every connection is closed. Later calls
   * reject `unavailable`.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#calls.close()
    this.#reads.close()
    this.#bucket.close()
  }

  /** The engine may have stored it after all. */
  #discard(location: Location): void {
    const deleted = this.#calls.run(() =>
      this.#bucket.delete(this.#key(location), AbortSignal.timeout(discardTimeoutMs)),
    )
    // If that fails, it is an orphan, which can be listed; nobody has ever heard of its location.
    deleted.catch(() => undefined)
  }

  #key(location: Location): string {
    return `${this.#prefix}${location}`
  }

  #call<T>(attempt: string, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    return this.#calls.run(async () => {
      signal?.throwIfAborted()
      try {
        return await call()
      } catch (error) {
        signal?.throwIfAborted()
        throw s3Error(error, attempt)
      }
    })
  }
}

/** The engine has said that it did not do it. */
function isRefusal(error: unknown): boolean {
  const status = statusOf(error)
  return status !== undefined && status >= 400 && status < 500
}
