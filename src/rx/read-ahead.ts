import { defer, type Observable, type ObservableInput } from 'rxjs'
import { concatMapEager } from './concat-map-eager.ts'
import { Pulled } from './pulled.ts'

/**
 * Reads values of an iterable ahead and writes them in order: `concatMapEager` over a source that
 * is asked for the next value only when a slot is free. So at most `concurrency` values are taken
 * from the iterable and not yet written, however fast it is.
 *
 * The iterable is begun upon subscription and returned when the subscription ends. Its own error,
 * and those of `read` and `write`, are reported as `concatMapEager` says.
 *
 * Throws `RangeError` unless `concurrency` is an integer of at least 1.
 */
export function readAhead<T, R, W>(
  values: Iterable<T> | AsyncIterable<T>,
  concurrency: number,
  read: (value: T, index: number) => ObservableInput<R>,
  write: (result: R) => ObservableInput<W>,
): Observable<W> {
  return defer(() => {
    const pulled = new Pulled(values)
    return pulled.pipe(concatMapEager(concurrency, read, write, pulled.pull))
  })
}
