import { retrying } from './attempts.ts'
import { requestJson, type Connection } from './connection.ts'
import type { UploadInfo } from './file-info.ts'

interface Page {
  readonly uploads: readonly UploadInfo[]
  readonly cursor: string | null
}

export async function* listUploads(
  connection: Connection,
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<UploadInfo> {
  let path = 'api/uploads'
  for (;;) {
    const page = await retrying(connection, signal, () =>
      requestJson<Page>(connection, path, { signal: signal ?? null }),
    )
    yield* page.uploads
    if (page.cursor === null) return
    path = `api/uploads?cursor=${encodeURIComponent(page.cursor)}`
  }
}
