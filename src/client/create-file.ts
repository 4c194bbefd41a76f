import { isStoreError } from '../model/errors.ts'
import { Attempts } from './attempts.ts'
import { request, type Connection } from './connection.ts'
import type { FileInfo } from './file-info.ts'
import { findSameFile } from './has-content.ts'
import { showFile } from './show-file.ts'
import type { Source } from './source.ts'

/** What every request to `/uploads` says. */
export const tusHeaders = { 'Tus-Resumable': '1.0.0' }

/**
 * Sends the request that makes a file of the source. If its answer is lost it is sent again, and if that is refused because
 * of the file that the first one made, all is well.
 */
export async function createFile(
  connection: Connection,
  name: string,
  source: Source,
  init: RequestInit,
): Promise<FileInfo> {
  const signal = init.signal ?? undefined
  const attempts = new Attempts(connection, signal)
  for (let isFirst = true; ; isFirst = false) {
    try {
      const response = await request(connection, 'uploads', { ...init, method: 'POST' })
      return await showFile(connection, refIn(response), { ...(signal && { signal }) })
    } catch (error) {
      if (!isFirst && isStoreError(error, 'precondition_failed')) {
        const same = await findSameFile(connection, name, source, signal)
        if (same) return same
      }
      await attempts.failed(error)
    }
  }
}

/** The answer that completes an upload names the file in `Content-Location`: `/files/@` and its id. */
export function refIn(response: Response): string {
  const location = response.headers.get('Content-Location') ?? ''
  return location.slice(location.lastIndexOf('@'))
}
