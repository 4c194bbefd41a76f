import { defer, lastValueFrom, Observable, throwError } from 'rxjs'

/** Wraps work so that it starts when its queue has its turn; see `FairLimiter`. */
export type Limited = <T>(work: Observable<T>) => Observable<T>

/**
 * Runs at most `limit` observables at once, over all of its queues together. Queues with waiting
 * work take turns, and each is first in, first out: a queue of one never waits for a queue of a
 * million. Work holds its slot from its subscription until it completes, fails or is unsubscribed.
 * Work that is unsubscribed while it waits never starts.
 *
 * Throws `RangeError` unless `limit` is an integer of at least 1.
 */
export class FairLimiter {
  readonly #limit: number
  /** Queues with waiting work; the first one is next. */
  readonly #turns: Waiting[] = []
  #running = 0
  #isStarting = false

  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`limit must be an integer of at least 1, not ${limit}`)
    }
    this.#limit = limit
  }

  get running(): number {
    return this.#running
  }

  /** Work that is subscribed and has not started. */
  get waiting(): number {
    return this.#turns.reduce((sum, queue) => sum + queue.size, 0)
  }

  /** A new queue, for instance for one download. */
  queue(): Limited {
    const queue: Waiting = new Set()
    return (work) =>
      new Observable((subscriber) => {
        const begin = () => {
          this.#running++
          const end = () => {
            this.#running--
            this.#startWaiting()
          }
          try {
            work.subscribe(subscriber).add(end)
          } catch (error) {
            // An unsubscribed subject throws here, and so does a teardown that runs at once.
            end()
            if (subscriber.closed) throw error
            subscriber.error(error)
          }
        }
        if (this.#running < this.#limit && this.#turns.length === 0) {
          begin()
          return undefined
        }
        if (queue.size === 0) this.#turns.push(queue)
        queue.add(begin)
        return () => {
          if (queue.delete(begin) && queue.size === 0) this.#turns.splice(this.#turns.indexOf(queue), 1)
        }
      })
  }

  /**
   * Starts the work when its queue has its turn, and settles as the work does. Without a queue, it
   * gets a new one.
   */
  run<T>(work: () => Promise<T>, queue: Limited = this.queue()): Promise<T> {
    return lastValueFrom(queue(defer(work)))
  }

  #startWaiting(): void {
    // Otherwise work that ends at once would recurse for each piece of waiting work.
    if (this.#isStarting) return
    this.#isStarting = true
    while (this.#running < this.#limit) {
      const queue = this.#turns.shift()
      if (!queue) break
      const [start] = queue
      if (!start) continue
      queue.delete(start)
      if (queue.size > 0) this.#turns.push(queue)
      try {
        start()
      } catch (error) {
        // One failure must not block the others for ever.
        reportUnhandled(error)
      }
    }
    this.#isStarting = false
  }
}

type Waiting = Set<() => void>

/** Passes an error without a subscriber to RxJS, which throws it in a separate macrotask. */
export function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe()
}
