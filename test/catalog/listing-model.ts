import type { Catalog, FilePage, ListQuery } from '../../src/catalog/catalog.ts'
import { foldText } from '../../src/model/fold-text.ts'

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** What a listing of these names must hold, all pages together, in the plainest way. */
export function modelOfListing(
  names: readonly string[],
  { prefix, delimiter, q, after }: Omit<ListQuery, 'space' | 'limit'>,
): readonly string[] {
  const entries = names
    .filter((name) => name.startsWith(prefix) && foldText(name).includes(foldText(q ?? '')))
    .map((name) => {
      const at = delimiter ? name.indexOf(delimiter, prefix.length) : -1
      return delimiter && at !== -1 ? name.slice(0, at + delimiter.length) : name
    })
    .filter((entry) => after === undefined || byBytes(entry, after) > 0)
  return [...new Set(entries)].sort(byBytes)
}

export function entriesOf({ files, prefixes }: FilePage): readonly string[] {
  return [...files.map(({ name }) => name), ...prefixes].sort(byBytes)
}

/** All pages in order; between two of them `meanwhile` happens. */
export async function allPages(
  catalog: Catalog,
  query: ListQuery,
  meanwhile?: () => Promise<unknown>,
): Promise<readonly FilePage[]> {
  const pages = [await catalog.listFiles(query)]
  for (let next = pages[0]!.next; next !== undefined; next = pages.at(-1)!.next) {
    await meanwhile?.()
    pages.push(await catalog.listFiles({ ...query, after: next }))
  }
  return pages
}
