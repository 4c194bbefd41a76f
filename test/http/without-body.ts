import http, { type OutgoingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Answer } from '../support/http-request.ts'

/**
 * A request with neither `Content-Length` nor `Transfer-Encoding`, which Node adds unless it is
 * kept from it.
 */
export async function withoutBody(
  { port }: { readonly port: number },
  method: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const req = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, resolve)
  req.once('error', reject)
  req.removeHeader('Content-Length')
  req.removeHeader('Transfer-Encoding')
  req.end()
  const response = await promise
  const body = await buffer(response)
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    body,
    isContinued: false,
    json: () => JSON.parse(body.toString()),
  }
}
