import { withRetries } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import type { FileInfo } from './file-info.ts'
import { requestJson } from '../transport/request.ts'

export interface ListQuery {
  /** Only names that begin so. */
  readonly prefix?: string
  /** Names that contain this after the prefix become one entry: with `/`, a folder. */
  readonly delimiter?: string
  /** Only names that contain this. */
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
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<ListEntry> {
  const parameters = new URLSearchParams({ limit: '1000' })
  for (const [key, value] of Object.entries(query)) parameters.set(key, value)
  for (;;) {
    const page = await withRetries(connection, signal, () =>
      requestJson<Page>(connection, `api/files?${parameters.toString()}`, { signal }),
    )
    const entries = [...page.prefixes.map((prefix) => ({ prefix })), ...page.files.map((file) => ({ file }))]
    yield* entries.toSorted((a, b) => compareCodePoints(nameOf(a), nameOf(b)))
    if (page.cursor === null) return
    parameters.set('cursor', page.cursor)
  }
}

function nameOf(entry: ListEntry): string {
  return 'file' in entry ? entry.file.name : entry.prefix
}

/**
 * As the server sorts, by bytes of UTF-8: strings compare by UTF-16, in which U+1F600 comes before
 * U+FB01.
 */
function compareCodePoints(a: string, b: string): number {
  for (let at = 0; at < a.length && at < b.length; at += 1) {
    const difference = (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
