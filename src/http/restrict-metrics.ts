import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../config-values.ts'
import { StoreError } from '../model/errors.ts'

/** `local` is this machine, but not what comes to it through a proxy. */
export type MetricsAccess = 'local' | 'all' | 'none'

const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/** Throws `forbidden` for whom the numbers are not meant. */
export function restrictMetrics(req: IncomingMessage, access: MetricsAccess): void {
  if (access === 'all' || (access === 'local' && isLocal(req))) return
  throw new StoreError('forbidden', 'Metrics are not for this client: see --metrics-access.')
}

/** A proxy on this machine makes everybody local, unless it says that it is one. */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  const address = socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  return isLoopback(address) && proxyHeaders.every((name) => headers[name] === undefined)
}
