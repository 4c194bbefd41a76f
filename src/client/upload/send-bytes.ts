import { StoreError } from '../../model/errors.ts'
import type { Connection } from '../transport/connection.ts'
import type { Answer, AnswerHeaders } from '../transport/platform.ts'
import { headersOf, request, type RequestOptions } from '../transport/request.ts'
import { withStallTimeout } from '../transport/stall-timeout.ts'

/** The body of a request that continues an upload. */
export interface Content {
  readonly length: number
  /** Yields `length` bytes in all. Its own errors are not retried. */
  read(): AsyncIterable<Uint8Array<ArrayBuffer>>
  /** Told of bytes as they leave, on platforms that show it. */
  readonly onSent?: (bytes: number) => void
}

/** One request to `/uploads` with a body; see `sendContent`. */
export function sendBytes(
  connection: Connection,
  path: string,
  options: RequestOptions,
  content: Content,
): Promise<AnswerHeaders> {
  const headers = { ...options.headers, 'Content-Type': 'application/offset+octet-stream' }
  return sendContent(connection, path, { ...options, headers }, content, async (answer) => headersOf(answer))
}

/**
 * Sends one request with a body, once, and aborts it when nothing moves. Resolves and rejects as
 * requests do.
 */
export async function sendContent<T>(
  connection: Connection,
  path: string,
  options: RequestOptions,
  content: Content,
  read: (answer: Answer, signal: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  let failure: { readonly error: unknown } | undefined
  async function* pieces(signal: AbortSignal) {
    try {
      let count = 0
      for await (const piece of content.read()) {
        // Who sends may go on asking for more when it has failed.
        signal.throwIfAborted()
        count += piece.length
        yield piece
      }
      if (count !== content.length) throw sizeChanged()
    } catch (error) {
      failure ??= { error }
      throw error
    }
  }
  try {
    return await withStallTimeout(connection, options.signal, async (signal, moved) => {
      const onSent = (bytes: number) => {
        moved()
        if (!signal.aborted) content.onSent?.(bytes)
      }
      const body = { pieces: pieces(signal), onSent }
      const headers = { ...options.headers, 'Content-Length': String(content.length) }
      return read(await request(connection, path, { ...options, headers, signal }, body), signal, moved)
    })
  } catch (error) {
    // Who sends tells only that there was no answer.
    throw failure ? failure.error : error
  }
}

/** The error for a source with more or fewer bytes than it states. */
export function sizeChanged(): StoreError {
  return new StoreError('digest_mismatch', 'The size of the source has changed.')
}

/** Bytes in memory, in pieces that are seen to move. */
export function contentOf(bytes: Uint8Array<ArrayBuffer>, onSent?: (bytes: number) => void): Content {
  return {
    length: bytes.length,
    ...(onSent && { onSent }),
    async *read() {
      for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
    },
  }
}

const pieceBytes = 64 * 1024
