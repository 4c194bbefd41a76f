import { retrying } from './attempts.ts'
import { request, toPath, type Connection } from './connection.ts'

/** What must hold of the file that is there, or nothing happens; see `etag` in the file info. */
export interface Precondition {
  readonly ifMatch?: string
  /** `*`: no file has the name. */
  readonly ifNoneMatch?: string
}

export async function deleteFile(
  connection: Connection,
  ref: string,
  { signal, ...precondition }: { readonly signal?: AbortSignal } & Precondition = {},
): Promise<void> {
  await retrying(connection, signal, () =>
    request(connection, toPath('files/', ref), {
      method: 'DELETE',
      headers: conditionHeaders(precondition),
      signal: signal ?? null,
    }),
  )
}

export function conditionHeaders({ ifMatch, ifNoneMatch }: Precondition): Record<string, string> {
  return {
    ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'If-None-Match': ifNoneMatch }),
  }
}
