import { withRetries } from '../transport/attempts.ts'
import { toPath, type Connection } from '../transport/connection.ts'
import { conditionHeaders, type Conditions } from './delete-file.ts'
import type { FileInfo } from './file-info.ts'
import { requestJson } from '../transport/request.ts'

/** Fields that are left out stay as they are. */
export interface FileChanges {
  readonly name?: string
  readonly mediaType?: string
  readonly metadata?: Readonly<Record<string, string>>
}

export async function updateFile(
  connection: Connection,
  ref: string,
  changes: FileChanges,
  { signal, ...precondition }: { readonly signal?: AbortSignal | undefined } & Conditions = {},
): Promise<FileInfo> {
  const headers = { 'Content-Type': 'application/json', ...conditionHeaders(precondition) }
  return withRetries(connection, signal, () =>
    requestJson<FileInfo>(
      connection,
      toPath('api/files/', ref),
      { method: 'PATCH', headers, signal },
      changes,
    ),
  )
}
