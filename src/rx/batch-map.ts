import { defer, Observable, type ObservableInput, type OperatorFunction } from 'rxjs'

/**
 * Collects values while earlier ones are being worked on. Whenever no work is running and the
 * collected values are due (`isDue`), it passes them to `work` as one batch, in order. When the
 * source has completed, the remaining values, possibly none, are the last batch: `work` is called
 * with `isLast` exactly once, after all other calls. It checks in a microtask, so that a value and
 * a completion that arrive together share a batch. An error of the source or of the work passes at
 * once and ends everything.
 */
export function batchMap<T, R>(
  isDue: (batch: readonly T[]) => boolean,
  work: (batch: readonly T[], isLast: boolean) => ObservableInput<R>,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable((subscriber) => {
      let batch: T[] = []
      let isWorking = false
      let hasEnded = false
      let isLooking = false

      const look = () => {
        if (isLooking) return
        isLooking = true
        queueMicrotask(() => {
          isLooking = false
          next()
        })
      }
      const next = () => {
        if (isWorking || subscriber.closed) return
        const isLast = hasEnded
        if (!isLast && (batch.length === 0 || !isDue(batch))) return
        const taken = batch
        batch = []
        isWorking = true
        subscriber.add(
          defer(() => work(taken, isLast)).subscribe({
            next: (result) => subscriber.next(result),
            error: (error) => subscriber.error(error),
            complete() {
              isWorking = false
              if (isLast) subscriber.complete()
              else look()
            },
          }),
        )
      }

      subscriber.add(
        source.subscribe({
          next(value) {
            batch.push(value)
            look()
          },
          error: (error) => subscriber.error(error),
          complete() {
            hasEnded = true
            look()
          },
        }),
      )
    })
}
