import type { HttpContext } from './context.ts'
import type { Lingering } from './lingering.ts'

/**
 * Sends a whole answer. If the request's body has not been read to its end, the connection must end
 * too, but not before `lingering` has let the client finish.
 */
export function answerAndLinger(
  ctx: HttpContext,
  lingering: Lingering,
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  const { req, res } = ctx
  ctx.respond = false
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  const length = Buffer.byteLength(body)
  if (!hasUnreadBody(ctx)) {
    res
      .writeHead(status, reason, { ...headers, 'Content-Length': length })
      .end(ctx.method === 'HEAD' ? undefined : body)
    return
  }
  res.writeHead(status, reason, { ...headers, 'Content-Length': length, Connection: 'close' })
  res.write(body)
  lingering.discard(req, () => res.end())
}

function hasUnreadBody({ req }: HttpContext): boolean {
  const mayHaveBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
  // After the client's FIN nothing more can come.
  return mayHaveBody && !req.complete && !req.socket.readableEnded
}
