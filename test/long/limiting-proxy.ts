import { once } from 'node:events'
import http, { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { finished } from 'node:stream'
import { onTestFinished } from 'vitest'

/** One request as the proxy saw it. */
export interface PassedRequest {
  readonly method: string
  readonly hasChecksum: boolean
  /** Bytes of the body that were passed on. */
  bodyBytes: number
  /** Of the answer, the proxy's own ones included; undefined if there was none. */
  status?: number
  /** Of what the request created. */
  location?: string
}

/**
 * A reverse proxy as many have one in front: it answers 413 to bodies past a limit, as soon as
 * their length says so or that many bytes have come, and 502 where the server goes away. It passes
 * bodies on as they come.
 */
export class LimitingProxy {
  readonly port: number
  readonly requests: PassedRequest[] = []
  readonly #portOfServer: () => Promise<number>
  readonly #maxBodyBytes: number

  private constructor(port: number, portOfServer: () => Promise<number>, maxBodyBytes: number) {
    this.port = port
    this.#portOfServer = portOfServer
    this.#maxBodyBytes = maxBodyBytes
  }

  static async open(portOfServer: () => Promise<number>, maxBodyBytes: number): Promise<LimitingProxy> {
    // A connection that ends while nobody uses it would fail the request that is just being sent.
    const listener = http.createServer({ keepAliveTimeout: 120_000 }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = new LimitingProxy((listener.address() as AddressInfo).port, portOfServer, maxBodyBytes)
    listener.on('request', (req, res) => void proxy.#serve(req, res))
    onTestFinished(() => {
      listener.close()
      listener.closeAllConnections()
    })
    return proxy
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const seen: PassedRequest = {
      method: req.method ?? '',
      hasChecksum: req.headers['upload-checksum'] !== undefined,
      bodyBytes: 0,
    }
    this.requests.push(seen)
    // A client whose line breaks is told nothing.
    req.on('error', () => {})
    if (Number(req.headers['content-length'] ?? 0) > this.#maxBodyBytes) {
      refuse(seen, req, res, 413)
      return
    }
    const port = await this.#portOfServer()
    const { method, url: path, headers } = req
    const target = { host: '127.0.0.1', port, agent: false }
    const upstream = http.request({ ...target, method, path, headers: endToEnd(headers) })
    upstream.on('response', (answer) => passBack(seen, answer, req, res))
    upstream.on('error', () => refuse(seen, req, res, 502))
    res.once('close', () => upstream.destroy())
    if (req.destroyed) upstream.destroy()
    this.#passOn(seen, req, res, upstream)
  }

  #passOn(
    seen: PassedRequest,
    req: IncomingMessage,
    res: ServerResponse,
    upstream: http.ClientRequest,
  ): void {
    req.on('data', (piece: Buffer) => {
      if (res.headersSent || upstream.destroyed) return
      if (seen.bodyBytes + piece.length > this.#maxBodyBytes) {
        refuse(seen, req, res, 413)
        upstream.destroy()
        return
      }
      seen.bodyBytes += piece.length
      if (upstream.write(piece)) return
      req.pause()
      upstream.once('drain', () => req.resume())
    })
    req.once('end', () => upstream.end())
  }
}

function passBack(
  seen: PassedRequest,
  answer: IncomingMessage,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  if (res.headersSent) {
    answer.resume()
    return
  }
  seen.status = answer.statusCode!
  if (answer.headers.location !== undefined) seen.location = answer.headers.location
  const isEarly = !req.complete
  res.writeHead(answer.statusCode!, {
    ...endToEnd(answer.headers),
    ...(isEarly && { Connection: 'close' }),
  })
  answer.on('error', () => res.destroy())
  answer.pipe(res)
  req.resume()
}

/**
 * The answer of the proxy itself. What is still coming is thrown away: closing at once would reset
 * the connection before it is read.
 */
function refuse(seen: PassedRequest, req: IncomingMessage, res: ServerResponse, status: 413 | 502): void {
  if (res.headersSent || res.destroyed) return
  seen.status = status
  const reason = STATUS_CODES[status]!
  res.writeHead(status, { Connection: 'close', 'Content-Length': reason.length })
  res.write(reason)
  req.resume()
  finished(req, () => res.end())
}

/**
 * RFC 9110, 7.6.1: what concerns one connection is not passed on. The framing is, as it is the same
 * on both sides.
 */
function endToEnd(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const others = Object.entries(headers).filter(([name]) => name !== 'connection' && name !== 'keep-alive')
  return Object.fromEntries(others)
}
