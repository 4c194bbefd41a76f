import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { StoreError, type ErrorCode } from '../model/errors.ts'
import { alwaysSent } from './allow-cross-origin.ts'
import type { Connections } from './connections.ts'

/** How long a client that still sends is listened to after it has got its answer. */
const lingerMs = 5000

interface Refusal {
  readonly status: number
  readonly title: string
  readonly code: ErrorCode
  readonly detail: string
}

const notUnderstood: Refusal = {
  status: 400,
  title: 'Bad Request',
  code: 'invalid_request',
  detail: 'What was sent is no HTTP/1.1 request, or could be read in two ways.',
}

const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    title: 'Request Header Fields Too Large',
    code: 'too_large',
    detail: 'The request line and the headers are longer than the server takes.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    title: 'Payload Too Large',
    code: 'too_large',
    detail: 'The chunk extensions are longer than the server takes.',
  },
  HPE_INVALID_EOF_STATE: {
    status: 400,
    title: 'Bad Request',
    code: 'incomplete_body',
    detail: 'The request ended before it was whole.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request Timeout',
    code: 'timeout',
    detail: 'The headers took too long to come: send the request again.',
  },
}

/**
 * Answers what cannot be read as a request, and ends its connection. A body whose framing breaks fails for whoever reads it, and
 * who has requests before it that are whole gets their answers first.
 */
export function answerUnparsed(server: Server, connections: Connections): void {
  server.on('clientError', (error: NodeJS.ErrnoException, duplex) => {
    const socket = duplex as Socket
    // The parser would fail at each piece that still comes; and what comes is read, or the client would see a reset and no answer.
    socket.removeAllListeners('data').on('data', () => {})
    const refusal = refusals[error.code ?? ''] ?? notUnderstood
    const exchange = connections.current(socket)
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy(error)
    } else if (exchange === undefined) {
      endWith(socket, refusal)
    } else if (exchange.req.complete) {
      exchange.res.once('close', () => endWith(socket, refusal))
    } else {
      exchange.res.once('close', () => socket.destroySoon())
      failBody(exchange.req, new StoreError(refusal.code, refusal.detail, { cause: error }))
    }
  })
  // RFC 9110, 9.3.6: an origin server that has no use for CONNECT need not implement it. Without an answer nobody would know why.
  server.on('connect', (_req, duplex) => {
    const socket = duplex as Socket
    socket.on('error', () => socket.destroy()).on('data', () => {})
    endWith(socket, {
      status: 501,
      title: 'Not Implemented',
      code: 'not_implemented',
      detail: 'This is a file store, not a proxy.',
    })
  })
}

/** Fails the body for whoever reads it, or is going to. */
function failBody(req: IncomingMessage, error: Error): void {
  if (req.listenerCount('error') > 0) {
    req.emit('error', error)
    return
  }
  const onListener = (event: string | symbol) => {
    if (event !== 'error') return
    req.off('newListener', onListener)
    // It is added after this call.
    process.nextTick(() => req.emit('error', error))
  }
  req.on('newListener', onListener)
}

function endWith(socket: Socket, { status, title, code, detail }: Refusal): void {
  if (!socket.writable) return
  const body = `${JSON.stringify({ title, status, code, detail })}\n`
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'Content-Type: application/problem+json',
      'Cache-Control: no-store',
      ...Object.entries(alwaysSent).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
}
