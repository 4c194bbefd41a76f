import { once } from 'node:events'
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Answer, AnswerHeaders, OutgoingPieces, OutgoingRequest } from './platform.ts'

/**
 * `Platform.send` in Node: without the streams of `fetch`, which cost more than everything else
 * that is done with a byte, and with sockets that are closed by who has no more use for them.
 */
export async function sendByHttp(
  url: URL,
  { method, headers, body, signal }: OutgoingRequest,
): Promise<Answer> {
  signal.throwIfAborted()
  const { request } = url.protocol === 'https:' ? https : http
  const req = request(url, { method, headers, signal })
  const answered = once(req, 'response') as Promise<[IncomingMessage]>
  // What goes wrong after the answer has begun is told by its body.
  req.on('error', () => {})
  if (typeof body === 'object') {
    sendPieces(req, body).catch((error: unknown) => req.destroy(error as Error))
  } else {
    req.end(body)
  }
  const [res] = await answered
  return {
    status: res.statusCode ?? 0,
    headers: headersOf(res),
    body: res,
    // The connection can be used again if nothing of the body is still to come, which for most
    // answers is known by now.
    discard: () => void (res.complete ? res.resume() : res.destroy()),
  }
}

async function sendPieces(req: ClientRequest, { pieces, onSent }: OutgoingPieces): Promise<void> {
  for await (const piece of pieces) {
    if (!req.destroyed && !req.write(piece)) await roomIn(req)
    if (req.destroyed) return
    onSent(piece.length)
  }
  req.end()
}

/**
 * Resolves also when the request has ended: an answer may come before all is sent, and then nothing
 * more is.
 */
function roomIn(req: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      req.off('drain', goOn).off('close', goOn)
      resolve()
    }
    req.on('drain', goOn).on('close', goOn)
  })
}

function headersOf({ headers }: IncomingMessage): AnswerHeaders {
  return {
    get(name) {
      const value = headers[name.toLowerCase()] ?? null
      return Array.isArray(value) ? value.join(', ') : value
    },
  }
}
