import type { HttpContext } from './context.ts'

/** How long, and for how many bytes, a client that still sends is listened to after it has got its answer. */
const lingerMs = 5000
const lingerBytes = 64 * 1024 * 1024

/**
 * Sends a whole answer. If the request's body has not been read to its end, the connection must end too, but not at once:
 * closing a socket with unread bytes resets it, and the client might never see the answer (RFC 9112, 9.6).
 * So what still comes is thrown away for a bounded while.
 */
export function answerAndLinger(
  ctx: HttpContext,
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
  let discarded = 0
  const end = () => {
    clearTimeout(timer)
    req.off('data', discard).off('end', end).off('close', end)
    res.end()
  }
  const discard = (data: Buffer) => {
    discarded += data.length
    if (discarded > lingerBytes) end()
  }
  const timer = setTimeout(end, lingerMs)
  // Whoever stopped reading has paused it. After a stall nothing may come any more: then the timer ends it.
  req.on('data', discard).once('end', end).once('close', end).resume()
  req.on('error', end)
}

function hasUnreadBody({ req }: HttpContext): boolean {
  const mayHaveBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
  // After the client's FIN nothing more can come.
  return mayHaveBody && !req.complete && !req.socket.readableEnded
}
