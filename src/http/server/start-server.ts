import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type Koa from 'koa'
import type { Logger } from 'pino'
import { admit, type AdmissionLimits } from './admission.ts'
import { answerUnparsed } from './answer-unparsed.ts'
import { ClientShares } from './client-shares.ts'
import type { RequestState } from './context.ts'
import { Connections } from './connections.ts'
import { deferContinue } from './continue-when-read.ts'
import { cutOffStalled } from './cut-off-stalled.ts'
import { Lingering } from './lingering.ts'
import { listen } from './listen.ts'
import { boundUnsent } from '../../system/bound-unsent.ts'

export interface ServerOptions extends AdmissionLimits {
  readonly host: string
  readonly port: number
  readonly maxHeaderSize: number
  readonly maxConnections: number
  /** Tells the client's address: that of the other end of the connection unless given. */
  readonly clientAddress?: (req: IncomingMessage) => string | undefined
  /** Connections past the limit that get a 503: 256 unless given. */
  readonly surplusConnections?: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly stallTimeoutMs: number
  /** Bytes per second, averaged over the stall timeout, that a client must send of a body. */
  readonly minUploadRate: number
  readonly onCutOff: () => void
  /** The app's, so that its limits hold for both. */
  readonly lingering?: Lingering
  readonly log: Logger
  /** Requests that the parser refuses are in the log unless it is `errors`. */
  readonly logRequests?: 'all' | 'errors'
}

export interface RunningServer {
  readonly url: string
  /**
   * Accepts no more requests, and resolves when those in progress have ended or were ended after
   * `timeoutMs`.
   */
  stop(timeoutMs: number): Promise<void>
}

/** Serves an app. Rejects if the address cannot be listened on. */
export async function startServer(app: Koa<RequestState>, options: ServerOptions): Promise<RunningServer> {
  const server = createServer({
    maxHeaderSize: options.maxHeaderSize,
    headersTimeout: options.headersTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(30_000, options.headersTimeoutMs),
    // A body may take as long as it makes progress; `cutOffStalled` watches that.
    requestTimeout: 0,
    noDelay: true,
    // Request smuggling relies on lenient parsing: refuse it, whatever flag Node was started with.
    insecureHTTPParser: false,
    // Node's own answer would not say why.
    requireHostHeader: false,
  })
  // A client may send its request and close its side at once; without this, Node takes it for one
  // that has gone. The property is as old as Node's server and not in its documentation:
  // `half-closed.test.ts` fails if it goes.
  Object.assign(server, { httpAllowHalfOpen: true })
  const connections = new Connections(server, options.maxConnections, options.surplusConnections ?? 256)
  cutOffStalled(server, connections, options)
  answerUnparsed(server, connections, options.lingering ?? new Lingering(), options.log, options)
  deferContinue(server)
  const shares = new ClientShares(options.clientAddress ?? (({ socket }) => socket.remoteAddress))
  const handle = app.callback()
  const handling = new Set<Promise<void>>()
  server.on('request', (req, res) => {
    if (!admit(req, connections, shares.begin(req, res), options)) return
    const handled = handle(req, res).finally(() => handling.delete(handled))
    handling.add(handled)
  })
  await listen(server, options)
  boundUnsent(server)
  return {
    url: urlOf(server.address() as AddressInfo),
    async stop(timeoutMs) {
      const closed = once(server, 'close')
      server.close()
      connections.end()
      const timer = setTimeout(() => server.closeAllConnections(), timeoutMs)
      await closed
      clearTimeout(timer)
      // Requests that were cut off still have to clean up.
      await Promise.all(handling)
    },
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
