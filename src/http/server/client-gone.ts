import { StoreError } from '../../model/errors.ts'
import type { HttpContext } from './context.ts'

const probeMs = 250

/**
 * Aborts when the client disconnects before its answer is complete, for work that sends nothing
 * until it is done. A client that has closed only its sending side looks like one that has gone
 * until it is sent something. So it gets an interim answer now and then, which the system of a
 * client that has gone rejects (RFC 9110, 15.2: "A client MUST be able to parse one or more 1xx
 * responses received prior to a final response").
 */
export function signalOfClient({ req, res }: HttpContext): AbortSignal {
  const gone = new AbortController()
  const { socket } = req
  const probe = () => {
    if (socket.readableEnded && socket.writable && !res.headersSent) res.writeContinue()
  }
  // HTTP/1.0 has no interim answers. A timer, since pipelined requests would each add a listener to
  // the socket.
  const probes = req.httpVersion === '1.1' ? setInterval(probe, probeMs).unref() : undefined
  res.once('close', () => {
    clearInterval(probes)
    gone.abort(new StoreError('aborted', 'The connection ended early.'))
  })
  return gone.signal
}
