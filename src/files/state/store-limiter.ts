import type { Observable } from 'rxjs'
import type { Batching } from '../../chunks/chunk-store.ts'
import { FairLimiter } from '../../rx/fair-limiter.ts'

/** Wraps the storing of a chunk of so many bytes so that it starts when its turn has come. */
export type LimitedStoring = <T>(bytes: number, work: Observable<T>) => Observable<T>

/**
 * Bounds the chunks that are stored at once, of all uploads. Small ones that the chunk store
 * batches are one operation of it, however many they are: they neither wait for the others nor keep
 * them waiting, and have a larger bound of their own.
 */
export class StoreLimiter {
  readonly #batchedBytes: number
  readonly #batched: FairLimiter
  readonly #others: FairLimiter

  constructor(limit: number, batching: Batching | undefined) {
    this.#others = new FairLimiter(limit)
    this.#batched = batching ? new FairLimiter(batching.concurrency) : this.#others
    this.#batchedBytes = batching?.bytes ?? 0
  }

  /** Chunks. */
  get running(): number {
    return this.#sum(({ running }) => running)
  }

  /** Chunks whose turn has not come. */
  get waiting(): number {
    return this.#sum(({ waiting }) => waiting)
  }

  /** For one upload, so that a long one does not keep the others waiting. */
  forUpload(): LimitedStoring {
    const [batched, others] = [this.#batched.queue(), this.#others.queue()]
    return (bytes, work) => (bytes <= this.#batchedBytes ? batched(work) : others(work))
  }

  /** For a chunk that belongs to no upload of many. */
  run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    return (bytes <= this.#batchedBytes ? this.#batched : this.#others).run(work)
  }

  #sum(of: (limiter: FairLimiter) => number): number {
    return [...new Set([this.#batched, this.#others])].reduce((sum, limiter) => sum + of(limiter), 0)
  }
}
