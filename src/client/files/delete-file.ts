import { type Connection, toPath } from '../transport/connection.ts'
import { isStoreError } from '../../model/errors.ts'
import { withRetries } from '../transport/attempts.ts'
import { type RequestOptions, requestHeaders } from '../transport/request.ts'

/** What must hold of the file that is there, or nothing happens; see `etag` in the file info. */
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
 * Deletes what is at the path. Rejects `not_found` only if it was not there to begin with: the
 * answer to the first request may get lost.
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
