import type { Connection } from '../transport/connection.ts'
import { toPath } from '../transport/connection.ts'
import { deleteOnce } from './delete-once.ts'

/** What must hold of the file that is there, or nothing happens; see `etag` in the file info. */
export interface Precondition {
  readonly ifMatch?: string
  /** `*`: no file has the name. */
  readonly ifNoneMatch?: string
}

export async function deleteFile(
  connection: Connection,
  ref: string,
  { signal, ...precondition }: { readonly signal?: AbortSignal | undefined } & Precondition = {},
): Promise<void> {
  await deleteOnce(connection, toPath('files/', ref), { headers: conditionHeaders(precondition), signal })
}

export function conditionHeaders({ ifMatch, ifNoneMatch }: Precondition): Record<string, string> {
  return {
    ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'If-None-Match': ifNoneMatch }),
  }
}
