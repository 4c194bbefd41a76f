import { retrying } from './attempts.ts'
import { request, toPath, type Connection } from './connection.ts'

export async function deleteUpload(
  connection: Connection,
  id: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  await retrying(connection, signal, () =>
    request(connection, toPath('api/uploads/', id), { method: 'DELETE', signal: signal ?? null }),
  )
}
