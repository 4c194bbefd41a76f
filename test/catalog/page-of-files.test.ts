import { expect, it } from 'vitest'
import { behindPrefix } from '../../src/catalog/name-order.ts'
import { pageOfFiles } from '../../src/catalog/page-of-files.ts'
import type { FileSource } from '../../src/catalog/page-of-files.ts'
import type { StoredFile } from '../../src/model/file.ts'
import { aSpace, named } from './fixtures.ts'

/** A source over ASCII names in order, which counts what is asked of it. */
function counting(names: readonly string[]) {
  const counted = { queries: 0, files: 0 }
  const source: FileSource = async (from, until, limit) => {
    const start = names.findIndex((name) => name >= from)
    const found = start === -1 ? [] : names.slice(start, start + limit)
    const files = found.filter((name) => until === undefined || name < until)
    counted.queries++
    counted.files += files.length
    return files.map((name) => ({ name: named(name) }) as StoredFile)
  }
  return { source, counted }
}

const numbered = (count: number, name: (number: string) => string) =>
  Array.from({ length: count }, (_, index) => name(String(index).padStart(6, '0')))

const query = { space: aSpace(), prefix: '', delimiter: '/' }

it('fetches one file of a folder, however many are in it', async () => {
  const { source, counted } = counting([...numbered(100_000, (n) => `a/${n}`), 'b', 'c/1'])
  const page = await pageOfFiles({ ...query, limit: 10 }, source)
  expect(page.prefixes).toEqual(['a/', 'c/'])
  expect(counted).toEqual({ queries: 3, files: 3 })
})

it('fetches many files at once where nothing is folded', async () => {
  const { source, counted } = counting(numbered(5000, (n) => n))
  const page = await pageOfFiles({ ...query, limit: 1000 }, source)
  expect(page.files).toHaveLength(1000)
  expect(counted).toEqual({ queries: 10, files: 1001 })
})

it('fetches at most a few files for each entry where folders and files take turns', async () => {
  const names = numbered(400, (n) => n).flatMap((n) => [n].concat(numbered(50, (m) => `${n}/${m}`)))
  const { source, counted } = counting(names)
  const page = await pageOfFiles({ ...query, limit: 500 }, source)
  expect(page.files.length + page.prefixes.length).toBe(500)
  expect(counted.files).toBeLessThan(1500)
})

it.each([
  ['', undefined],
  ['a', 'b'],
  ['a/', 'a0'],
  ['\u{7f}', '\u{80}'],
  ['a\u{d7ff}', 'a\u{e000}'],
  ['\u{ffff}', '\u{10000}'],
  ['a😀', 'a😁'],
  ['a\u{10ffff}', 'b'],
  ['a\u{d7ff}\u{10ffff}\u{10ffff}', 'a\u{e000}'],
  ['\u{10ffff}\u{10ffff}', undefined],
])('everything that begins with %j stands before %j', (prefix, behind) => {
  expect(behindPrefix(prefix)).toBe(behind)
})
