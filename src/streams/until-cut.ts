import { PassThrough, type Readable } from 'node:stream'
import { StoreError } from '../model/errors.ts'

/** What arrived of a body. */
export interface CutBody {
  /** Ends where the body does, be it complete or cut off. */
  readonly bytes: Readable
  /** Why the body was cut off, once `bytes` has ended; undefined if it is complete. */
  readonly failure: () => unknown
  /** Takes no more of the body and leaves it paused, for whoever reads its rest. */
  readonly release: () => void
}

/** Makes of a body that may break off one that ends. Aborting the signal cuts it off. */
export function untilCut(body: Readable, signal: AbortSignal): CutBody {
  const bytes = new PassThrough()
  let failure: unknown
  const cut = (error: unknown) => {
    if (bytes.writableEnded || bytes.destroyed) return
    failure = error
    body.unpipe(bytes)
    bytes.end()
  }
  const takenOver = () => cut(new StoreError('aborted', 'The upload is continued by another request.'))
  const closed = () => {
    if (!body.readableEnded) cut(body.errored ?? new StoreError('aborted', 'The connection ended early.'))
  }
  // Stays: an error that comes when nobody reads any more must not end the process.
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
