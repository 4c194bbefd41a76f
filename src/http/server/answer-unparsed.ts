import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { StoreError, type ErrorCode } from '../../model/errors.ts'
import { alwaysSent } from '../middleware/allow-cross-origin.ts'
import type { Connections } from './connections.ts'
import type { Lingering } from './lingering.ts'
import { requestIdOf } from '../middleware/observe.ts'

interface Refusal {
  readonly status: number
  readonly title: string
  readonly code: ErrorCode
  readonly detail: string
}

/** The error with which Node's parser rejects bytes. */
interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string
  /** The packet, and how much of it was parsed. */
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

const notUnderstood: Refusal = {
  status: 400,
  title: 'Bad Request',
  code: 'invalid_request',
  detail: 'This is not an unambiguous HTTP/1.1 request.',
}

const badExtension: Refusal = {
  ...notUnderstood,
  detail: 'A chunk extension contains white space: send ;name=value, or no extension.',
}

const unknownMethod: Refusal = {
  status: 501,
  title: 'Not Implemented',
  code: 'not_implemented',
  detail: 'The server does not know this method; methods are written in capitals.',
}

const noProxy: Refusal = {
  status: 501,
  title: 'Not Implemented',
  code: 'not_implemented',
  detail: 'This is a file store, not a proxy.',
}

const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    title: 'Request Header Fields Too Large',
    code: 'too_large',
    detail: 'The request line and headers are too long: shorten them, or raise --max-header-size.',
  },
  HPE_INVALID_URL: {
    ...notUnderstood,
    detail: 'The address has characters that must be percent-encoded as UTF-8: send ü as %C3%BC.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    title: 'Payload Too Large',
    code: 'too_large',
    detail: 'The chunk extensions are too long: leave them out.',
  },
  HPE_INVALID_EOF_STATE: {
    status: 400,
    title: 'Bad Request',
    code: 'incomplete_body',
    detail: 'The request ended early: send it again.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request Timeout',
    code: 'timeout',
    detail: 'The headers took too long to arrive: send the request again.',
  },
}

/**
 * Answers bytes that the parser rejects, and ends the connection. If the framing of a body breaks,
 * its reader gets the error. Complete requests before it are answered first.
 */
export function answerUnparsed(
  server: Server,
  connections: Connections,
  lingering: Lingering,
  log: Logger,
  { logRequests = 'all' }: { readonly logRequests?: 'all' | 'errors' },
): void {
  const end = (socket: Socket, refusal: Refusal, requestId: string, details: object) => {
    if (!socket.writable) return
    const { status, code, detail } = refusal
    const client = socket.remoteAddress
    if (logRequests === 'all') log.info({ requestId, client, status, code, ...details, detail }, 'request')
    writeProblem(socket, refusal, requestId)
    lingering.discard(socket, () => socket.destroySoon())
  }
  const answered = new WeakSet<Socket>()
  const answer = (error: ParserError, socket: Socket) => {
    // The parser fails again with every further piece.
    if (answered.has(socket)) return
    answered.add(socket)
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy(error)
      return
    }
    const refusal = refusalOf(error)
    const latest = connections.latest(socket)
    if (latest && !latest.req.complete) {
      latest.res.once('close', () => socket.destroySoon())
      failBody(latest.req, new StoreError(refusal.code, refusal.detail, { cause: error }))
      return
    }
    const refuse = () => end(socket, refusal, randomUUID(), { parser: error.code, reason: error.reason })
    if (latest) latest.res.once('close', refuse)
    else refuse()
  }
  server.on('clientError', (error: ParserError, duplex) => {
    const socket = duplex as Socket
    if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT') {
      answer(error, socket)
      return
    }
    // Timers run before sockets are read: if the process stood still, the headers may be waiting
    // there.
    const latest = connections.latest(socket)
    setImmediate(() => {
      if (connections.latest(socket) === latest) answer(error, socket)
    })
  })
  // RFC 9110, 9.3.6: most origin servers do not implement CONNECT. Without a listener Node would
  // close the connection silently.
  server.on('connect', (req, duplex) => {
    const socket = duplex as Socket
    socket.on('error', () => socket.destroy()).on('data', () => {})
    const { method, url } = req
    const refuse = () => end(socket, noProxy, requestIdOf(req.headers), { method, url })
    const latest = connections.latest(socket)
    if (latest) latest.res.once('close', refuse)
    else refuse()
  })
}

function refusalOf(error: ParserError): Refusal {
  const { code = '', reason = '' } = error
  if (code === 'HPE_INVALID_METHOD' && isRequestLine(error)) return unknownMethod
  if (code === 'HPE_STRICT' && reason.includes('chunk extensions')) return badExtension
  return refusals[code] ?? notUnderstood
}

/** RFC 9110, 9.1: 501 is for an unrecognized method, not for arbitrary bytes. */
function isRequestLine({ rawPacket, bytesParsed = 0 }: ParserError): boolean {
  if (!rawPacket) return false
  const start = rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1
  const line = rawPacket.subarray(start).toString('latin1')
  return /^[\w!#$%&'*+.^`|~-]+ [\x21-\xff]+(?: HTTP\/1\.[01]\r\n|$)/.test(line)
}

/** Fails the body for its reader, present or future. */
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

function writeProblem(socket: Socket, { status, title, code, detail }: Refusal, requestId: string): void {
  const body = `${JSON.stringify({ title, status, code, detail, requestId })}\n`
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'Content-Type: application/problem+json',
      'Cache-Control: no-store',
      ...Object.entries(alwaysSent).map(([name, value]) => `${name}: ${value}`),
      `X-Request-Id: ${requestId}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
