import type { IncomingMessage } from 'node:http'
import { StoreError } from '../../model/errors.ts'
import { HttpProblem } from './render-errors.ts'
import { isAuthority } from '../site/host-name.ts'

/** What RFC 9112 has servers refuse, but Node's parser lets through. */
export function refuseAmbiguous({ headers, rawHeaders, httpVersion }: IncomingMessage): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw new StoreError('invalid_request', 'Send the request as HTTP/1.1.')
  }
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  // RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
  // request message that lacks a Host header field and to any request message that contains more
  // than one Host header field line or a Host header field with an invalid field value."
  const isMissing = hosts.length === 0 && httpVersion === '1.1'
  if (isMissing || hosts.length > 1 || !isAuthority(headers.host ?? '')) {
    throw new StoreError('invalid_request', 'Exactly one Host header (host[:port]) is required.')
  }
  const coding = headers['transfer-encoding']
  if (coding === undefined) return
  // RFC 9112, 6.1: "A server that receives a request message with a transfer coding it does not
  // understand SHOULD respond with 501": the bytes would be stored in their coding, as if that were
  // the file.
  if (httpVersion === '1.0') {
    // RFC 9112, 6.1: "A server or client that receives an HTTP/1.0 message containing a
    // Transfer-Encoding header field MUST treat the message as if the framing is faulty, even if a
    // Content-Length is present, and close the connection".
    throw new HttpProblem('not_implemented', 'Send the body of an HTTP/1.0 request with Content-Length.', {
      Connection: 'close',
    })
  }
  if (coding.trim().toLowerCase() !== 'chunked') {
    throw new StoreError(
      'not_implemented',
      'Send the body with Content-Length, or as Transfer-Encoding: chunked.',
    )
  }
}
