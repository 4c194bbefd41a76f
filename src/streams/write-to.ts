import type { Writable } from 'node:stream'
import { Observable } from 'rxjs'
import { closedEarly } from './until-closed.ts'

/**
 * Makes a function that writes bytes to a stream, one call after the other has completed. The
 * observable it gives starts upon subscription and completes when the stream has passed the bytes
 * on. `onSettled` is called exactly once, when the stream no longer reads `bytes`, and only then
 * may they be overwritten: also where the subscriber left earlier, and where the write was never
 * begun because the stream had closed.
 *
 * Errors with what the write failed with, or `ERR_STREAM_PREMATURE_CLOSE` if the stream closes
 * first: after a reset a write's callback may never come.
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
