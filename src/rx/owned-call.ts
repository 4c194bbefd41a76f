import { Observable } from 'rxjs'
import type { Limited } from './fair-limiter.ts'

export interface OwnedCall<T> {
  /**
   * Begins when the limiter lets it; the signal aborts when nobody waits for the result any more.
   */
  readonly call: (signal: AbortSignal) => Promise<T>
  /** The call never began, or failed: nothing uses what it owned. */
  readonly release: () => void
  /** The call succeeded. Unless the result `isWanted`, nobody will see it. */
  readonly succeeded: (result: T, isWanted: boolean) => void
}

/**
 * Makes a call that owns something, such as a buffer, begin when it is its turn, and emits its
 * result. A call that was begun goes on for a while after it was unsubscribed, and still uses what
 * it owns: so of `release` and `succeeded` exactly one is called, once, and only when the call has
 * settled or can never begin.
 */
export function ownedCall<T>(limited: Limited, { call, release, succeeded }: OwnedCall<T>): Observable<T> {
  return new Observable((subscriber) => {
    const abort = new AbortController()
    let isBegun = false
    let hasSucceeded = false
    const work = new Observable<T>((slot) => {
      isBegun = true
      call(abort.signal).then(
        (result) => {
          hasSucceeded = true
          succeeded(result, !slot.closed)
          slot.next(result)
          slot.complete()
        },
        (error: unknown) => {
          release()
          slot.error(error)
        },
      )
    })
    subscriber.add(() => {
      // Aborting costs something, which small reads would feel.
      if (!hasSucceeded) abort.abort()
      if (!isBegun) release()
    })
    limited(work).subscribe(subscriber)
  })
}
