import { defer, Observable, type ObservableInput, type OperatorFunction } from 'rxjs'

/**
 * Collects values while earlier ones are worked on. Whenever no work is under way and what has been
 * collected `isDue`, it goes to `work` as one batch, in order. When the source has completed, what
 * is left, be it nothing, is worked on as the last batch: `work` is called with `isLast` exactly
 * once, and after all others. It looks in a microtask, so that a value and an end that come
 * together go together. Errors of the source and of work pass at once and end the rest.
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
