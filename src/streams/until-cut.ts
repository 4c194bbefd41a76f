import { PassThrough, type Readable } from 'node:stream'
import { StoreError } from '../model/errors.ts'

/** The part of a request body that has arrived. */
export interface CutBody {
  /** Ends where the body ends or is cut off. */
  readonly bytes: Readable
  /** Call it when `bytes` has ended: why the body was cut off, or undefined if it is complete. */
  readonly failure: () => unknown
  /** Stops reading the body and leaves it paused for the next reader. */
  readonly release: () => void
}

/** Turns a body that may break off into a stream that ends there. The signal cuts it off, too. */
export function untilCut(body: Readable, signal: AbortSignal): CutBody {
  const bytes = new PassThrough()
  let failure: unknown
  const cut = (error: unknown) => {
    if (bytes.writableEnded || bytes.destroyed) return
    failure = error
    body.unpipe(bytes)
    bytes.end()
  }
  const takenOver = () => cut(new StoreError('aborted', 'Another request has continued this upload.'))
  const closed = () => {
    if (!body.readableEnded) cut(body.errored ?? new StoreError('aborted', 'The connection ended early.'))
  }
  // Keep this listener: an error after the last read must not crash the process.
  body.on('error', cut)
  body.once('close', closed)
  signal.addEventListener('abort', takenOver, { once: true })
  if (signal.aborted) takenOver()
  else if (body.destroyed) closed()
  else body.pipe(bytes)
  return {
    bytes,
    failure: () => failure,
    release: () => {
      signal.removeEventListener('abort', takenOver)
      body.off('close', closed).unpipe(bytes)
      bytes.destroy()
    },
  }
}
