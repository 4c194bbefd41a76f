import { isStoreError } from '../../model/errors.ts'
import { retrying } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import { requestHeaders, type RequestOptions } from '../transport/request.ts'

/** Deletes what is at the path. Rejects `not_found` only if it was not there to begin with: the answer to the first request may get lost. */
export async function deleteOnce(
  connection: Connection,
  path: string,
  options: Omit<RequestOptions, 'method'>,
): Promise<void> {
  let isRepeated = false
  await retrying(connection, options.signal, async () => {
    try {
      await requestHeaders(connection, path, { ...options, method: 'DELETE' })
    } catch (error) {
      if (!isRepeated || !isStoreError(error, 'not_found')) throw error
    } finally {
      isRepeated = true
    }
  })
}
