import {
  concatMap,
  defer,
  mergeMap,
  Observable,
  queueScheduler,
  type ObservableInput,
  type Observer,
  type OperatorFunction,
} from 'rxjs'

interface Slot<R> {
  readonly results: HeldResults<R>
  readonly close: () => void
}

/**
 * Reads ahead, writes in order: for each source value `read` is started at once, at most
 * `concurrency` values are held, and what the reads emit goes through `write` in the order of the
 * source.
 *
 * Law: what comes out is exactly what `concatMap((value) =>
 * from(read(value)).pipe(concatMap(write)))` would emit, values and end; only the reads start
 * earlier.
 *
 * - The bound counts values from the call of `read` until the last `write` for it has ended: being
 *   read, waiting for their turn, and being written. Source values beyond it wait unread in a
 *   queue; to keep that queue empty feed it from `pulled` and pass its `pull` as `onSlotOpen`,
 *   which is called once for each slot: `concurrency` times upon subscription and then whenever one
 *   opens again.
 * - An inner's values wait in memory for their turn: a read should emit a bounded number of them.
 * - A failed read (or a `read` that throws) is reported at its place: after all writes for the
 *   values before it have ended. A failed write or source is reported at once. Each ends all other
 *   reads and writes.
 * - Unsubscribing ends all reads and the current write.
 * - Synchronous inners do not recurse, however many there are.
 *
 * Throws `RangeError` unless `concurrency` is an integer of at least 1.
 */
export function concatMapEager<T, R, W>(
  concurrency: number,
  read: (value: T, index: number) => ObservableInput<R>,
  write: (result: R) => ObservableInput<W>,
  onSlotOpen: () => void = () => {},
): OperatorFunction<T, W> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`concurrency must be an integer of at least 1, not ${concurrency}`)
  }
  return (source) =>
    new Observable((subscriber) => {
      source
        .pipe(
          mergeMap((value, index) => startRead(() => read(value, index), onSlotOpen), concurrency),
          concatMap((slot) => writeInTurn(slot, write)),
        )
        .subscribe(subscriber)
      for (let slot = 0; slot < concurrency; slot++) onSlotOpen()
    })
}

/**
 * Starts reading at once. It emits synchronously, so that reads keep their order, and completes
 * when it is closed.
 */
function startRead<R>(read: () => ObservableInput<R>, onSlotOpen: () => void): Observable<Slot<R>> {
  return new Observable((subscriber) => {
    const results = new HeldResults<R>()
    subscriber.add(defer(read).subscribe(results))
    const close = () => {
      if (subscriber.closed) return
      subscriber.complete()
      onSlotOpen()
    }
    subscriber.next({ results, close })
  })
}

function writeInTurn<R, W>(slot: Slot<R>, write: (result: R) => ObservableInput<W>): Observable<W> {
  return new Observable((subscriber) => {
    // Close before `concatMap` sees the end, so that it finds the next read in its queue, if any.
    subscriber.add(slot.close)
    // A read that ends at once starts the next one: the queue turns that recursion into a loop.
    queueScheduler.schedule(() => {
      new Observable<R>((reader) => slot.results.passTo(reader))
        .pipe(concatMap((result) => write(result)))
        .subscribe(subscriber)
    })
  })
}

/** Holds what a read emits until its turn, then passes it on. */
class HeldResults<R> implements Observer<R> {
  readonly #held: R[] = []
  #end: ((reader: Observer<R>) => void) | undefined
  #reader: Observer<R> | undefined

  next(result: R): void {
    if (this.#reader) this.#reader.next(result)
    else this.#held.push(result)
  }

  error(error: unknown): void {
    this.#endWith((reader) => reader.error(error))
  }

  complete(): void {
    this.#endWith((reader) => reader.complete())
  }

  passTo(reader: Observer<R>): void {
    // Values that the read emits during a write join the end of what is held.
    for (const result of this.#held) reader.next(result)
    this.#held.length = 0
    this.#reader = reader
    this.#end?.(reader)
  }

  #endWith(end: (reader: Observer<R>) => void): void {
    this.#end = end
    if (this.#reader) end(this.#reader)
  }
}
