import type { Writable } from 'node:stream'
import { Observable } from 'rxjs'
import { closedEarly } from './until-closed.ts'

/**
 * Creates a function that writes bytes to a stream. Start each write when the previous one has
 * completed. The returned observable starts on subscription, and completes when the stream has
 * passed the bytes on. `onSettled` is called exactly once, when the stream no longer reads `bytes`:
 * only then may they be overwritten. That also holds if the subscriber has left, or if the stream
 * had closed before the write began.
 *
 * Errors with the error of the write, or with `ERR_STREAM_PREMATURE_CLOSE` if the stream closes
 * first: after a connection reset a write's callback may never come.
 */
export function writeTo(writable: Writable): (bytes: Uint8Array, onSettled: () => void) => Observable<never> {
  return (bytes, onSettled) =>
    new Observable((subscriber) => {
      if (writable.closed || writable.destroyed) {
        onSettled()
        subscriber.error(writable.errored ?? closedEarly())
        return
      }
      let isSettled = false
      const settle = (error?: Error | null) => {
        if (isSettled) return
        isSettled = true
        writable.off('close', onClose)
        onSettled()
        if (error) subscriber.error(error)
        else subscriber.complete()
      }
      const onClose = () => settle(writable.errored ?? closedEarly())
      writable.once('close', onClose)
      writable.write(bytes, settle)
    })
}
