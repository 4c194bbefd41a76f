import { Observable, type OperatorFunction } from 'rxjs'

/**
 * Restores the order of values by their index (0, 1, 2, … without gaps): it emits each value as
 * soon as it has emitted all before it, and keeps early values in memory. Errors pass at once.
 * Completing with a value missing is an error.
 */
export function inOrder<T>(indexOf: (value: T) => number): OperatorFunction<T, T> {
  return (source) =>
    new Observable((subscriber) => {
      const early = new Map<number, T>()
      let next = 0
      return source.subscribe({
        next(value) {
          early.set(indexOf(value), value)
          while (early.has(next)) {
            const ready = early.get(next) as T
            early.delete(next)
            next++
            subscriber.next(ready)
          }
        },
        error: (error) => subscriber.error(error),
        complete() {
          if (early.size > 0) subscriber.error(new Error(`value ${next} is missing`))
          else subscriber.complete()
        },
      })
    })
}
