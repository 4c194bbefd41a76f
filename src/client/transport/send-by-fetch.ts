import type { Answer, OutgoingPieces, OutgoingRequest } from './platform.ts'
import { piecesOf } from '../upload/source.ts'

/** `Platform.send` in a browser. */
export async function sendByFetch(
  url: URL,
  { method, headers, body, signal }: OutgoingRequest,
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers,
    signal,
    ...(body !== undefined && { body: typeof body === 'string' ? body : await blobOf(body) }),
    redirect: 'manual',
    // Else it would give again what has turned out to be damaged.
    cache: 'no-store',
  })
  return {
    status: response.status,
    headers: response.headers,
    body: bodyOf(response),
    discard: () => {
      // The answer has been heard, whatever becomes of the rest.
      response.body?.cancel().catch(() => {})
    },
  }
}

/** A stream as the body needs HTTP/2. */
async function blobOf({ pieces }: OutgoingPieces): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for await (const piece of pieces) parts.push(piece)
  return new Blob(parts)
}

async function* bodyOf({ body }: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body) yield* piecesOf(body as ReadableStream<Uint8Array<ArrayBuffer>>)
}
