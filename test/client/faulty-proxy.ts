import { once } from 'node:events'
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { finished } from 'node:stream'
import { onTestFinished } from 'vitest'

/**
 * One thing that goes wrong with requests of which method and path begin so, such as `PATCH
 * /uploads/`. Calls are counted from 1.
 */
export type Fault = {
  readonly on: string
  readonly call?: number | 'every'
} & (
  | {
      /**
       * cut-request, cut-answer: both connections end behind so many bytes of the body, which are
       * passed on. flip-request, flip-answer: the lowest bit of that byte of the body is inverted.
       * refuse-past: 413 if the body is longer.
       */
      readonly kind: 'cut-request' | 'cut-answer' | 'flip-request' | 'flip-answer' | 'refuse-past'
      readonly at: number
      readonly meanwhile?: () => void
    }
  /**
   * lose-answer: the server does its work, and the client sees a connection that ends. hang: nobody
   * ever answers.
   */
  | { readonly kind: 'lose-answer' | 'hang'; readonly meanwhile?: () => void }
  /** The proxy's own answer; the server sees nothing. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: OutgoingHttpHeaders
      readonly body?: string
    }
)

/** One request as the proxy saw it. */
export interface SeenRequest {
  readonly line: string
  readonly headers: http.IncomingHttpHeaders
  /** Bytes of its body that were passed on. */
  bodyBytes: number
  /** Of the answer that was passed on; undefined if there was none. */
  status?: number
  answerHeaders?: http.IncomingHttpHeaders
}

/** Passes requests on to a server, below `base` if that is given, and fails as planned. */
export class FaultyProxy {
  readonly url: string
  readonly requests: SeenRequest[] = []
  readonly #target: { readonly port: number }
  readonly #base: string
  readonly #faults: readonly Fault[]
  readonly #calls = new Map<Fault, number>()

  private constructor(
    port: number,
    target: { readonly port: number },
    faults: readonly Fault[],
    base: string,
  ) {
    this.url = `http://127.0.0.1:${port}${base}`
    this.#target = target
    this.#faults = faults
    this.#base = base
  }

  static async open(
    target: { readonly port: number },
    faults: readonly Fault[] = [],
    base = '',
  ): Promise<FaultyProxy> {
    const listener = http.createServer({ keepAliveTimeout: 60_000 }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = new FaultyProxy((listener.address() as AddressInfo).port, target, faults, base)
    listener.on('request', (req, res) => proxy.#serve(req, res))
    onTestFinished(() => {
      listener.close()
      listener.closeAllConnections()
    })
    return proxy
  }

  seen(on: string): readonly SeenRequest[] {
    return this.requests.filter(({ line }) => line.startsWith(on))
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const path = req.url!.slice(this.#base.length)
    const seen: SeenRequest = { line: `${req.method} ${path}`, headers: req.headers, bodyBytes: 0 }
    this.requests.push(seen)
    const fault = this.#nextFault(seen.line)
    // A client whose line breaks is told nothing.
    req.on('error', () => {})
    if (fault?.kind === 'answer') {
      refuse(seen, req, res, fault.status, fault.headers, fault.body)
      return
    }
    if (fault?.kind === 'refuse-past' && Number(req.headers['content-length'] ?? 0) > fault.at) {
      refuse(seen, req, res, 413)
      return
    }
    if (fault?.kind === 'hang') {
      fault.meanwhile?.()
      return
    }
    const { method, headers } = req
    const upstream = http.request({
      host: '127.0.0.1',
      port: this.#target.port,
      method,
      path,
      agent: false,
      headers: endToEnd(headers),
    })
    upstream.on('response', (answer) => passBack(seen, answer, res, fault))
    // A server that stopped: the client sees a connection that ends.
    upstream.on('error', () => res.destroy())
    res.once('close', () => upstream.destroy())
    passOn(seen, req, upstream, fault)
  }

  #nextFault(line: string): Fault | undefined {
    const concerned = this.#faults.filter(({ on }) => line.startsWith(on))
    for (const fault of concerned) this.#calls.set(fault, (this.#calls.get(fault) ?? 0) + 1)
    return concerned.find((fault) => fault.call === 'every' || this.#calls.get(fault) === (fault.call ?? 1))
  }
}

function passOn(
  seen: SeenRequest,
  req: IncomingMessage,
  upstream: http.ClientRequest,
  fault: Fault | undefined,
): void {
  req.on('data', (piece: Buffer) => {
    if (upstream.destroyed) return
    if (fault?.kind === 'flip-request') flip(piece, fault.at - seen.bodyBytes)
    if (fault?.kind === 'cut-request' && seen.bodyBytes + piece.length >= fault.at) {
      req.pause()
      const room = fault.at - seen.bodyBytes
      seen.bodyBytes += room
      upstream.write(piece.subarray(0, room), () => {
        upstream.destroy()
        req.destroy()
      })
      fault.meanwhile?.()
      return
    }
    seen.bodyBytes += piece.length
    if (upstream.write(piece)) return
    req.pause()
    upstream.once('drain', () => req.resume())
  })
  req.once('end', () => upstream.end())
  // A server that answers early and closes takes no more: unread, the rest would hold up the
  // client's next request.
  upstream.once('close', () => req.resume())
}

function passBack(
  seen: SeenRequest,
  answer: IncomingMessage,
  res: ServerResponse,
  fault: Fault | undefined,
): void {
  answer.on('error', () => res.destroy())
  if (fault?.kind === 'lose-answer') {
    fault.meanwhile?.()
    res.destroy()
    return
  }
  seen.status = answer.statusCode!
  seen.answerHeaders = answer.headers
  res.writeHead(answer.statusCode!, endToEnd(answer.headers))
  let passed = 0
  answer.on('data', (piece: Buffer) => {
    if (fault?.kind === 'flip-answer') flip(piece, fault.at - passed)
    if (fault?.kind === 'cut-answer' && passed + piece.length >= fault.at) {
      answer.pause()
      res.write(piece.subarray(0, fault.at - passed), () => res.destroy())
      fault.meanwhile?.()
      return
    }
    passed += piece.length
    if (res.write(piece)) return
    answer.pause()
    res.once('drain', () => answer.resume())
  })
  answer.once('end', () => res.end())
}

/**
 * What is still coming is thrown away: closing at once would reset the connection before the answer
 * is read.
 */
function refuse(
  seen: SeenRequest,
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders = {},
  body = '',
): void {
  seen.status = status
  res.writeHead(status, { ...headers, Connection: 'close', 'Content-Length': Buffer.byteLength(body) })
  res.write(body)
  req.resume()
  finished(req, () => res.end())
}

function flip(piece: Buffer, at: number): void {
  if (at >= 0 && at < piece.length) piece[at]! ^= 1
}

/**
 * RFC 9110, 7.6.1: what concerns one connection only is not passed on. The framing is: it is the
 * same on both sides.
 */
function endToEnd(headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  const { connection: _, 'keep-alive': __, ...others } = headers
  return others
}
