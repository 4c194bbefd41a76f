import { Observable, type Subscriber } from 'rxjs'

/**
 * Emits the next value of an iterable each time it is asked to by `pull`, and nothing before: a
 * source that a consumer with slots can keep from running ahead of it. Completes as soon as a pull
 * finds the end. Pulls that come while a value is awaited are remembered. Unsubscribing ends the
 * iterator. One subscriber.
 */
export class Pulled<T> extends Observable<T> {
  readonly pull: () => void

  constructor(values: Iterable<T> | AsyncIterable<T>) {
    let begun: PulledIterator<T> | undefined
    super((subscriber) => {
      if (begun) throw new Error('a Pulled has one subscriber')
      begun = new PulledIterator(values, subscriber)
      return () => begun?.end()
    })
    this.pull = () => begun?.pull()
  }
}

class PulledIterator<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>
  readonly #subscriber: Subscriber<T>
  #wanted = 0
  #isPulling = false
  #hasEnded = false

  constructor(values: Iterable<T> | AsyncIterable<T>, subscriber: Subscriber<T>) {
    this.#iterator =
      Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]()
    this.#subscriber = subscriber
  }

  pull(): void {
    this.#wanted++
    // A value may be consumed, and the next one asked for, before `next` returns: loop, don't
    // recurse.
    if (!this.#isPulling) this.#pump()
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    void this.#endIterator()
  }

  async #endIterator(): Promise<void> {
    try {
      await this.#iterator.return?.()
    } catch {
      // Nobody is left to tell of a failure in the iterator's own clean-up.
    }
  }

  #pump(): void {
    this.#isPulling = true
    try {
      while (this.#wanted > 0 && !this.#subscriber.closed) {
        this.#wanted--
        const result = this.#iterator.next()
        if (result instanceof Promise) {
          void this.#await(result)
          return
        }
        this.#deliver(result)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#isPulling = false
  }

  async #await(result: Promise<IteratorResult<T>>): Promise<void> {
    try {
      this.#deliver(await result)
    } catch (error) {
      this.#fail(error)
    }
    this.#pump()
  }

  #deliver(result: IteratorResult<T>): void {
    if (result.done === true) {
      this.#hasEnded = true
      this.#subscriber.complete()
    } else {
      this.#subscriber.next(result.value)
    }
  }

  #fail(error: unknown): void {
    this.#hasEnded = true
    this.#subscriber.error(error)
  }
}
