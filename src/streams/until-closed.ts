import type { Writable } from 'node:stream'
import { type MonoTypeOperatorFunction, Observable } from 'rxjs'

/**
 * Passes on its source, and errors with `ERR_STREAM_PREMATURE_CLOSE` as soon as the stream closes,
 * so that nothing keeps waiting for a buffer or a slow disk after the client has gone.
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

/** The one error for a client that has gone, however its stream reported that. */
export function closedEarly(cause?: unknown): Error {
  return Object.assign(new Error('the stream closed before its end', { cause }), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
}
