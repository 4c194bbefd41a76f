import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../../config/values.ts'
import { StoreError } from '../../model/errors.ts'

/** `local` is this machine, but not clients that come through a proxy on it. */
export type MetricsAccess = 'local' | 'all' | 'none'

const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/** Throws `forbidden` for clients that may not read the metrics. */
export function restrictMetrics(req: IncomingMessage, access: MetricsAccess): void {
  if (access === 'all' || (access === 'local' && isLocal(req))) return
  throw new StoreError('forbidden', 'This client may not read the metrics: see --metrics-access.')
}

/**
 * Through a proxy on this machine every client looks local, unless the proxy sends one of its
 * headers.
 */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  const address = socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  return isLoopback(address) && proxyHeaders.every((name) => headers[name] === undefined)
}
