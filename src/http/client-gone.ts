import { StoreError } from '../model/errors.ts'
import type { HttpContext } from './context.ts'

const probeMs = 250

/**
 * Aborts when the client has gone before its answer was complete: for work that sends nothing until
 * it is done. A client that has closed only its sending side looks the same as one that has gone, until
 * something is sent to it. So it is sent an interim answer now and then (RFC 9110, 15.2: "A server MAY
 * send" several), which the system of a client that has gone refuses.
 */
export function signalOfClient({ req, res }: HttpContext): AbortSignal {
  const gone = new AbortController()
  const { socket } = req
  let probes: NodeJS.Timeout | undefined
  const probe = () => {
    if (!res.headersSent && socket.writable) res.writeContinue()
  }
  const beginProbing = () => {
    // HTTP/1.0 has no interim answers.
    if (req.httpVersion !== '1.1') return
    probe()
    probes = setInterval(probe, probeMs).unref()
  }
  if (socket.readableEnded) beginProbing()
  else socket.once('end', beginProbing)
  res.once('close', () => {
    socket.off('end', beginProbing)
    clearInterval(probes)
    gone.abort(new StoreError('aborted', 'The connection ended early.'))
  })
  return gone.signal
}
