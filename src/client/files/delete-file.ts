import { type Connection, toPath } from '../transport/connection.ts'
import { isStoreError } from '../../model/errors.ts'
import { withRetries } from '../transport/attempts.ts'
import { type RequestOptions, requestHeaders } from '../transport/request.ts'

/** What must hold for the present file, or nothing happens; see `etag` in the file info. */
export interface Conditions {
  readonly ifMatch?: string
  /** `*`: no file has the name. */
  readonly ifNoneMatch?: string
}

export async function deleteFile(
  connection: Connection,
  ref: string,
  { signal, ...precondition }: { readonly signal?: AbortSignal | undefined } & Conditions = {},
): Promise<void> {
  await deleteOnce(connection, toPath('files/', ref), { headers: conditionHeaders(precondition), signal })
}

export function conditionHeaders({ ifMatch, ifNoneMatch }: Conditions): Record<string, string> {
  return {
    ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'If-None-Match': ifNoneMatch }),
  }
}

/**
 * Deletes what is at the path. Rejects `not_found` only if it was missing from the start: the
 * answer to the first request may have been lost.
 */
async function deleteOnce(
  connection: Connection,
  path: string,
  options: Omit<RequestOptions, 'method'>,
): Promise<void> {
  let isRepeated = false
  await withRetries(connection, options.signal, async () => {
    try {
      await requestHeaders(connection, path, { ...options, method: 'DELETE' })
    } catch (error) {
      if (!isRepeated || !isStoreError(error, 'not_found')) throw error
    } finally {
      isRepeated = true
    }
  })
}

export async function deleteUpload(
  connection: Connection,
  id: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await deleteOnce(connection, toPath('api/uploads/', id), { signal })
}
