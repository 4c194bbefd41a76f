import { toPath, type Connection } from '../transport/connection.ts'
import { deleteOnce } from '../files/delete-once.ts'

export async function deleteUpload(
  connection: Connection,
  id: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await deleteOnce(connection, toPath('api/uploads/', id), { signal })
}
