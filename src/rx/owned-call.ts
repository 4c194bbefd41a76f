import { Observable } from 'rxjs'
import type { Limited } from './fair-limiter.ts'

export interface OwnedCall<T> {
  /**
   * Runs when the limiter starts it. The signal aborts when nobody waits for the result any more.
   */
  readonly call: (signal: AbortSignal) => Promise<T>
  /** The call failed or never began: nothing uses what it owned. */
  readonly release: () => void
  /** The call succeeded. Unless `isWanted`, nobody will see the result. */
  readonly succeeded: (result: T, isWanted: boolean) => void
}

/**
 * Starts a call that owns something, such as a buffer, when the limiter lets it, and emits its
 * result. After an unsubscription a running call continues for a while and still uses what it owns.
 * Therefore exactly one of `release` and `succeeded` is called, once, when the call has settled or
 * can no longer begin.
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
