import type { Writable } from 'node:stream'
import { Observable, type MonoTypeOperatorFunction } from 'rxjs'
import { closedEarly } from './closed-early.ts'

/**
 * Passes on what comes, and errors with `ERR_STREAM_PREMATURE_CLOSE` as soon as the stream closes: whoever waits for a
 * buffer or a slow disk must not do so for nobody.
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
