import { withRetries } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import type { UploadInfo } from '../files/file-info.ts'
import { requestJson } from '../transport/request.ts'

interface Page {
  readonly uploads: readonly UploadInfo[]
  readonly cursor: string | null
}

export async function* listUploads(
  connection: Connection,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<UploadInfo> {
  let path = 'api/uploads'
  for (;;) {
    const page = await withRetries(connection, signal, () => requestJson<Page>(connection, path, { signal }))
    yield* page.uploads
    if (page.cursor === null) return
    path = `api/uploads?cursor=${encodeURIComponent(page.cursor)}`
  }
}
