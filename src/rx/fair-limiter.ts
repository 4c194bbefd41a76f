import { defer, lastValueFrom, Observable, throwError } from 'rxjs'

/** Wraps work so that it starts when its queue's turn has come; see `FairLimiter`. */
export type Limited = <T>(work: Observable<T>) => Observable<T>

/**
 * Lets at most `limit` observables run at once, over all of its queues together. Queues that have
 * work waiting take turns, and within one the first to come is the first to start: a queue of a
 * million waits no less than a queue of one, and the one never waits for the million. A slot is
 * taken from subscription to work until that work ends, fails or is unsubscribed; who unsubscribes
 * while waiting has never started.
 *
 * Throws `RangeError` unless `limit` is an integer of at least 1.
 */
export class FairLimiter {
  readonly #limit: number
  /** Queues with work waiting; the first is next. */
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

  /** Work that has subscribed and not started. */
  get waiting(): number {
    return this.#turns.reduce((sum, queue) => sum + queue.size, 0)
  }

  /** A queue of its own, for instance one for each download. */
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
            // A subject that was unsubscribed throws here, and so does a teardown that runs at
            // once.
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
   * Does the work when it is the turn of the queue, or of one of its own; settles as the work does.
   */
  run<T>(work: () => Promise<T>, queue: Limited = this.queue()): Promise<T> {
    return lastValueFrom(queue(defer(work)))
  }

  #startWaiting(): void {
    // Work that ends at once would otherwise recurse for each that waits.
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
        // The others must not wait for ever because of it.
        reportUnhandled(error)
      }
    }
    this.#isStarting = false
  }
}

type Waiting = Set<() => void>

/**
 * Hands an error that has no subscriber left to RxJS, which throws it in a macrotask of its own.
 */
export function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe()
}
