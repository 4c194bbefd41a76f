import http, { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'

export interface RequestOptions {
  readonly headers?: OutgoingHttpHeaders
  /** An iterable is sent chunked, unless the headers have a `Content-Length`. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>
  /** A connection of its own, unless given. */
  readonly agent?: http.Agent
}

export interface Answer {
  readonly status: number
  /** What stands behind the status. */
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Whether `100 Continue` came before. */
  readonly isContinued: boolean
  /** Throws unless the body is JSON. */
  json(): unknown
}

export interface OpenAnswer {
  /** Its body has not been read. */
  readonly response: IncomingMessage
  readonly isContinued: boolean
}

type Server = { readonly port: number }

/** Sends a request and reads the whole answer. Rejects if the connection ends before that. */
export async function request(
  server: Server,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const { response, isContinued } = await openRequest(server, method, path, options)
  const body = await buffer(response)
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    body,
    isContinued,
    json: () => JSON.parse(body.toString()),
  }
}

/**
 * Sends a request with the path just as it is given, and resolves with the head of the answer. With
 * `Expect: 100-continue`, the body waits for the go-ahead. When the answer has been read, the
 * connection ends even if the body has not.
 */
export function openRequest(
  { port }: Server,
  method: string,
  path: string,
  { headers = {}, body, agent }: RequestOptions = {},
): Promise<OpenAnswer> {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port, method, path, headers, agent: agent ?? false })
    let isContinued = false
    req.once('response', (response) => {
      response.once('close', () => {
        if (!req.writableFinished) req.destroy()
      })
      resolve({ response, isContinued })
    })
    // A server that answers early may not take the rest: once there is an answer, how that ends is
    // all that counts.
    req.on('error', reject)
    if (req.getHeader('expect') === undefined) {
      sendBody(req, body)
      return
    }
    req.once('continue', () => {
      isContinued = true
      sendBody(req, body)
    })
    req.flushHeaders()
  })
}

function sendBody(req: http.ClientRequest, body: RequestOptions['body']): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    req.end(body)
    return
  }
  const source = Readable.from(body)
  source.once('error', (error) => req.destroy(error))
  req.once('close', () => source.destroy())
  source.pipe(req)
}
