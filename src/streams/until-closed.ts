import type { Writable } from 'node:stream'
import { type MonoTypeOperatorFunction, Observable } from 'rxjs'

/**
 * Passes on what comes, and errors with `ERR_STREAM_PREMATURE_CLOSE` as soon as the stream closes:
 * whoever waits for a buffer or a slow disk must not do so for nobody.
 */
export function untilClosed<T>(output: Writable): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const onClose = () => subscriber.error(closedEarly(output.errored))
      if (output.closed || output.destroyed) return onClose()
      output.once('close', onClose)
      subscriber.add(() => output.off('close', onClose))
      return source.subscribe(subscriber)
    })
}

/** Says that the client has gone, whichever way the stream to it told of that. */
export function closedEarly(cause?: unknown): Error {
  return Object.assign(new Error('the stream closed before its end', { cause }), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
}
