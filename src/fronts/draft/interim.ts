import type { HttpContext } from '../../http/server/context.ts'
import { interopVersion } from './draft-fields.ts'
import { parseItem } from '../../http/headers/structured-fields.ts'

/**
 * Sends `104 (Upload Resumption Supported)`, and says whether it did: not to a client that might
 * not understand it, not behind the head of the answer, and not while the last one has not left
 * yet, so that they never pile up.
 */
export function sendInterim(ctx: HttpContext, headers: Readonly<Record<string, string>>): boolean {
  const { req, res } = ctx
  if (!understandsInterim(ctx) || res.headersSent || res.destroyed || res.writableLength > 0) return false
  // "Server implementations of draft versions of the protocol MUST also send a header field
  // Upload-Draft-Interop-Version with the interop version as its value to the 104 (Upload
  // Resumption Supported) informational response." Node knows no phrase for it and writes
  // "unknown"; RFC 9112, 4: "A client SHOULD ignore the reason-phrase content".
  res.writeInformation(104, { 'Upload-Draft-Interop-Version': String(interopVersion), ...headers })
  return !req.destroyed
}

/**
 * "MUST NOT send a 104 (Upload Resumption Supported) informational response when the interop
 * version indicated by the Upload-Draft-Interop-Version header field in the request is missing or
 * mismatching."
 */
function understandsInterim(ctx: HttpContext): boolean {
  // RFC 9110, 15.2: "a server MUST NOT send a 1xx response to an HTTP/1.0 client."
  if (ctx.req.httpVersion === '1.0') return false
  return parseItem(ctx.get('Upload-Draft-Interop-Version')) === interopVersion
}
