import { retrying } from './attempts.ts'
import { requestJson, type Connection } from './connection.ts'
import type { FileInfo } from './file-info.ts'

export interface ListQuery {
  /** Only names that begin so. */
  readonly prefix?: string
  /** Names that go on behind this, after the prefix, are one entry: with `/`, a folder. */
  readonly delimiter?: string
  /** Only names with this in them. */
  readonly q?: string
}

/** A file, or what names have in common up to a delimiter. */
export type ListEntry = { readonly file: FileInfo } | { readonly prefix: string }

interface Page {
  readonly files: readonly FileInfo[]
  readonly prefixes: readonly string[]
  readonly cursor: string | null
}

export async function* listFiles(
  connection: Connection,
  query: ListQuery = {},
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<ListEntry> {
  const parameters = new URLSearchParams({ limit: '1000' })
  for (const [key, value] of Object.entries(query)) parameters.set(key, value)
  for (;;) {
    const page = await retrying(connection, signal, () =>
      requestJson<Page>(connection, `api/files?${parameters.toString()}`, { signal: signal ?? null }),
    )
    yield* page.prefixes.map((prefix) => ({ prefix }))
    yield* page.files.map((file) => ({ file }))
    if (page.cursor === null) return
    parameters.set('cursor', page.cursor)
  }
}
