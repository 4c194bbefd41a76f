import { isStoreError, StoreError } from '../../model/errors.ts'
import { Attempts } from '../transport/attempts.ts'
import { toPath, type Connection } from '../transport/connection.ts'
import type { FileInfo } from '../files/file-info.ts'
import type { Answer } from '../transport/platform.ts'
import { bytesOf, notOurs, request } from '../transport/request.ts'
import { withStallTimeout } from '../transport/stall-timeout.ts'

/**
 * Passes bytes `from` to `to` (exclusive) of a file to `take`, in order and in pieces; continues
 * after the connection breaks. Fetches by id, so that all bytes belong to one file.
 */
export async function fetchRange(
  connection: Connection,
  file: FileInfo,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
  take: (piece: Uint8Array<ArrayBuffer>) => Promise<void> | void,
): Promise<void> {
  const attempts = new Attempts(connection, signal)
  const place = { at: from }
  while (place.at < to) {
    try {
      await withStallTimeout(connection, signal, async (orStalled, moved) => {
        const answer = await openRange(connection, file, place.at, to, orStalled)
        for await (const piece of bytesOf(answer, orStalled)) {
          moved()
          attempts.moved()
          await take(piece)
          place.at += piece.length
        }
      })
      if (place.at < to) throw new StoreError('unavailable', 'The answer ended early.')
    } catch (error) {
      if (isStoreError(error, 'not_found')) {
        throw new StoreError('not_found', 'The file was deleted or replaced while it was read: start again.')
      }
      await attempts.failed(error)
    }
  }
}

async function openRange(
  connection: Connection,
  { id, etag }: FileInfo,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<Answer> {
  const answer = await request(connection, toPath('files/', `@${id}`), {
    // Lets the server keep serving a file that was deleted or replaced during this download.
    headers: { Range: `bytes=${from}-${to - 1}`, 'If-Match': etag },
    signal,
  })
  // A proxy may answer with the whole file, or with a range of its own.
  if (!answer.headers.get('Content-Range')?.startsWith(`bytes ${from}-${to - 1}/`)) {
    answer.discard()
    throw notOurs('with another range than it was asked for')
  }
  return answer
}
