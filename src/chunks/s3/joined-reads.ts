import type { Location } from '../../model/chunk.ts'
import type { ReadOptions } from '../chunk-store.ts'
import { YoungGarbage } from '../../system/young-garbage.ts'
import { Fetch, type GetRange } from './fetch.ts'

/**
 * More than usual, as the heap may grow more where chunks come from a bucket: a quarter of it was
 * measured to be slower, and four times as much, too.
 */
const bytesPerCollection = 16 * 1024 * 1024

export interface JoinedReadsOptions {
  /**
   * Requests kept, or remembered, while no read waits for them; what has waited longest goes first.
   */
  readonly maxKept: number
  readonly idleMs: number
}

/**
 * Makes few requests of many reads. Of a reader that says where it is going to end all reads share
 * one request up to there, which stands still between them. Where nobody says so, reads that are
 * asked for at once, each where the one before it ends, share one request for just these bytes, and
 * a read that goes on where that one ends shows that the chunk is read in order: its request is for
 * the rest of the chunk. So a block read by itself costs no more than itself, and a whole chunk one
 * request, or two, as long as its reader does not pause for `idleMs`.
 *
 * A request that nobody waits for holds a connection: keep `maxKept` below their number, or all
 * others might wait for one.
 */
export class JoinedReads {
  readonly #getRange: GetRange
  readonly #options: JoinedReadsOptions
  readonly #youngGarbage = new YoungGarbage(bytesPerCollection)
  /** Requests that a read may join or continue. */
  readonly #fetches = new Set<Fetch>()
  /** Those of them that no read waits for, the longest idle first. */
  readonly #resting = new Map<Fetch, NodeJS.Timeout>()

  constructor(getRange: GetRange, options: JoinedReadsOptions) {
    this.#getRange = getRange
    this.#options = options
  }

  /** As a chunk store reads. */
  read(
    location: Location,
    offset: number,
    into: Uint8Array,
    { size, until, signal }: ReadOptions,
  ): Promise<void> {
    const before = this.#find(location, offset)
    if (before?.canServe(into.length)) {
      this.#wake(before)
      return before.serve(into, signal)
    }
    if (before) this.#fetches.delete(before)
    const fetch = new Fetch(location, offset, {
      received: (bytes) => this.#youngGarbage.add(bytes),
      resting: () => this.#rest(fetch, size),
      ended: () => this.#forget(fetch),
    })
    this.#fetches.add(fetch)
    // Reads that belong together arrive in one turn of the event loop, with promises in between.
    setImmediate(() => fetch.begin(this.#getRange, until ?? (before && size)))
    return fetch.serve(into, signal)
  }

  /** Ends the requests for a deleted chunk. Waiting reads end as they would have anyway. */
  drop(location: Location): void {
    for (const fetch of this.#resting.keys()) if (fetch.location === location) fetch.end()
  }

  /** Ends all requests. No read may be running. */
  close(): void {
    for (const fetch of this.#resting.keys()) fetch.end()
  }

  #find(location: Location, offset: number): Fetch | undefined {
    for (const fetch of this.#fetches) {
      if (fetch.location === location && fetch.next === offset) return fetch
    }
    return undefined
  }

  #rest(fetch: Fetch, chunkSize: number): void {
    if (!this.#fetches.has(fetch) || fetch.next >= chunkSize) {
      fetch.end()
      return
    }
    this.#wake(fetch)
    const { maxKept, idleMs } = this.#options
    const timer = setTimeout(() => fetch.end(), idleMs).unref()
    this.#resting.set(fetch, timer)
    const [longest] = this.#resting.keys()
    if (this.#resting.size > maxKept) longest?.end()
  }

  #wake(fetch: Fetch): void {
    clearTimeout(this.#resting.get(fetch))
    this.#resting.delete(fetch)
  }

  #forget(fetch: Fetch): void {
    this.#wake(fetch)
    this.#fetches.delete(fetch)
  }
}
