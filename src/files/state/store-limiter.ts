import type { Observable } from 'rxjs'
import type { Batching } from '../../chunks/chunk-store.ts'
import { FairLimiter } from '../../rx/fair-limiter.ts'

/** Wraps the storing of a chunk of this many bytes, so that it starts in its turn. */
export type LimitedStoring = <T>(bytes: number, work: Observable<T>) => Observable<T>

/**
 * Limits the chunks being stored, server-wide. Small chunks that the chunk store batches are one
 * operation, however many they are: they neither wait for others nor delay them, and have a larger
 * limit of their own.
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

  /** Chunks that wait for their turn. */
  get waiting(): number {
    return this.#sum(({ waiting }) => waiting)
  }

  /** A queue for one upload, so that a long one does not delay the others. */
  forUpload(): LimitedStoring {
    const [batched, others] = [this.#batched.queue(), this.#others.queue()]
    return (bytes, work) => (bytes <= this.#batchedBytes ? batched(work) : others(work))
  }

  /** For a single chunk. */
  run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    return (bytes <= this.#batchedBytes ? this.#batched : this.#others).run(work)
  }

  #sum(of: (limiter: FairLimiter) => number): number {
    return [...new Set([this.#batched, this.#others])].reduce((sum, limiter) => sum + of(limiter), 0)
  }
}
