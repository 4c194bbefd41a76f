import type { StoredFile } from '../model/file.ts'
import type { FilePage, ListQuery } from './catalog.ts'
import { behindPrefix, justBehind } from './name-order.ts'

/** Files by name, from `from` on and before `until` (or to the end), at most `limit`. */
export type FileSource = (
  from: string,
  until: string | undefined,
  limit: number,
) => Promise<readonly StoredFile[]>

/**
 * One page of a listing out of one snapshot. A folded prefix is stepped over with a new query from
 * behind it, so that a folder costs the same however much is in it.
 */
export async function pageOfFiles(query: ListQuery, source: FileSource): Promise<FilePage> {
  if (!canBeInName(query.prefix) || !canBeInName(query.q ?? '')) return { files: [], prefixes: [] }
  const page = new PageBuilder(query)
  const until = behindPrefix(query.prefix)
  let from: string | undefined = startOf(query, page)
  // Without folding every file that is fetched is used; with it that many must be earned first.
  let step = query.delimiter ? 1 : query.limit + 1
  while (from !== undefined && !page.isFull) {
    const files: readonly StoredFile[] = await source(from, until, Math.min(step, page.missing))
    if (files.length === 0) break
    const used = files.filter((file) => page.add(file)).length
    step = used === files.length ? step * 2 : 1
    from = page.behindLast()
  }
  return page.finish()
}

/**
 * A database would read half a character as U+FFFD and find that. PostgreSQL has no text with NUL.
 */
function canBeInName(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function startOf({ prefix, after }: ListQuery, page: PageBuilder): string | undefined {
  if (after === undefined) return prefix
  const folded = page.foldedEntry(after)
  const from = folded === undefined ? justBehind(after) : behindPrefix(folded)
  // JavaScript compares UTF-16 units, which does not always give the order of UTF-8 bytes.
  return from !== undefined && Buffer.compare(Buffer.from(from), Buffer.from(prefix)) < 0 ? prefix : from
}

class PageBuilder {
  readonly #query: ListQuery
  readonly #entries: (StoredFile | string)[] = []

  constructor(query: ListQuery) {
    this.#query = query
  }

  /** One entry more than asked for shows that there is a next page. */
  get missing(): number {
    return this.#query.limit + 1 - this.#entries.length
  }

  get isFull(): boolean {
    return this.missing === 0
  }

  /** Whether the file made an entry: false if it is folded into the one before. */
  add(file: StoredFile): boolean {
    const folded = this.foldedEntry(file.name)
    if (folded !== undefined && folded === this.#entries.at(-1)) return false
    this.#entries.push(folded ?? file)
    return true
  }

  /** The prefix that the name is folded into, if any. */
  foldedEntry(name: string): string | undefined {
    const { prefix, delimiter } = this.#query
    if (!delimiter?.isWellFormed() || !name.startsWith(prefix)) return undefined
    const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
    return at === -1 ? undefined : name.slice(0, at + delimiter.length)
  }

  behindLast(): string | undefined {
    const last = this.#entries.at(-1)!
    return typeof last === 'string' ? behindPrefix(last) : justBehind(last.name)
  }

  finish(): FilePage {
    const shown = this.#entries.slice(0, this.#query.limit)
    const last = shown.at(-1)
    return {
      files: shown.filter((entry) => typeof entry !== 'string'),
      prefixes: shown.filter((entry) => typeof entry === 'string'),
      ...(this.isFull && last !== undefined && { next: typeof last === 'string' ? last : last.name }),
    }
  }
}
