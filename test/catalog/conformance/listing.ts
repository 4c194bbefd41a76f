import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Catalog, ListQuery } from '../../../src/catalog/catalog.ts'
import { namesPerStep } from '../../../src/catalog/search-files.ts'
import { aFile, aSpace, createFiles, named } from '../fixtures.ts'
import { allPages, entriesOf, modelOfListing } from '../listing-model.ts'
import { runs } from '../../support/runs.ts'

// The characters around which UTF-8 and UTF-16 sort differently, the last of their kind, and what
// SQL may take for something else.
const units = [
  'a',
  'A',
  'b',
  '/',
  '-',
  '%',
  '_',
  "'",
  'é',
  'É',
  '\u{d7ff}',
  '\u{e000}',
  '\u{fffd}',
  '\u{ffff}',
]
const unit = fc.constantFrom(...units, '😀', '\u{10ffff}')
const text = (minLength: number, maxLength: number) => fc.string({ unit, minLength, maxLength })
const someNames = fc.uniqueArray(text(1, 5), { maxLength: 24 })
const delimiter = fc.constantFrom(undefined, '/', '-', '/-', '\u{10ffff}', '')

const someQuery = fc.record({
  prefix: text(0, 2),
  delimiter,
  q: fc.option(text(0, 2), { nil: undefined, freq: 2 }),
  after: fc.option(text(0, 3), { nil: undefined, freq: 2 }),
  limit: fc.integer({ min: 1, max: 5 }),
})

/** Options that are absent instead of undefined. */
function queryOf(fields: { readonly [Key in keyof ListQuery]: ListQuery[Key] | undefined }): ListQuery {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

export function describeListing(opened: () => Catalog): void {
  it('lists what is there in the order of bytes, whatever the query, in full pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        someNames,
        fc.array(someQuery, { minLength: 1, maxLength: 6 }),
        async (names, queries) => {
          const space = aSpace()
          await createFiles(opened(), space, names)
          for (const fields of queries) {
            const query = queryOf({ ...fields, space })
            const pages = await allPages(opened(), query)
            // A page's entries sorted by themselves show that no page overlaps the one before.
            expect(pages.flatMap(entriesOf)).toEqual(modelOfListing(names, query))
            for (const page of pages.slice(0, -1)) expect(entriesOf(page)).toHaveLength(query.limit)
            expect(entriesOf(pages.at(-1)!).length).toBeLessThanOrEqual(query.limit)
          }
        },
      ),
      { numRuns: runs(150) },
    )
  })

  it('misses and doubles nothing that stays while other files come and go', async () => {
    await fc.assert(
      fc.asyncProperty(
        someNames,
        fc.array(fc.tuple(text(1, 5), fc.boolean()), { maxLength: 40 }),
        fc.record({ prefix: text(0, 1), delimiter, limit: fc.integer({ min: 1, max: 3 }) }),
        async (staying, changes, fields) => {
          const space = aSpace()
          const query = queryOf({ ...fields, space })
          await createFiles(opened(), space, staying)
          const others = changes.filter(([name]) => !staying.includes(name))
          const change = async () => {
            const [name, isCreated] = others.pop() ?? []
            if (name === undefined) return
            const changed = isCreated
              ? opened().createFile(aFile(space, name))
              : opened().deleteFile(space, { name: named(name) })
            // Deleting what is not there is refused; most names are not.
            await Promise.allSettled([changed])
          }
          const pages = await allPages(opened(), query, () => Promise.all([change(), change(), change()]))
          const listed = pages.flatMap(entriesOf)
          expect(new Set(listed).size).toBe(listed.length)
          expect(listed).toEqual(expect.arrayContaining([...modelOfListing(staying, query)]))
        },
      ),
      { numRuns: runs(100) },
    )
  })

  it('gives files whole, apart from folded prefixes', async () => {
    const space = aSpace()
    const committed = await createFiles(opened(), space, ['b', 'a/x', 'a/y', 'c/d/e', 'a0'])
    const page = await opened().listFiles({ space, prefix: '', delimiter: '/', limit: 9 })
    const [b, , , , a0] = committed.map(({ file }) => file)
    expect(page).toStrictEqual({ files: [a0, b], prefixes: ['a/', 'c/'] })
    const below = await opened().listFiles({ space, prefix: 'c/', delimiter: '/', limit: 9 })
    expect(below).toStrictEqual({ files: [], prefixes: ['c/d/'] })
  })

  it('goes on behind a folded prefix, also when nothing is left of it', async () => {
    const space = aSpace()
    await createFiles(opened(), space, ['a/1', 'a/2', 'b'])
    const first = await opened().listFiles({ space, prefix: '', delimiter: '/', limit: 1 })
    expect(first).toStrictEqual({ files: [], prefixes: ['a/'], next: 'a/' })
    await opened().deleteFile(space, { name: named('a/1') })
    await opened().deleteFile(space, { name: named('a/2') })
    const second = await opened().listFiles({ space, prefix: '', delimiter: '/', limit: 1, after: 'a/' })
    expect(entriesOf(second)).toEqual(['b'])
    expect(second).not.toHaveProperty('next')
  })

  it('says that there is no next page when the last entry fills a page', async () => {
    const space = aSpace()
    await createFiles(opened(), space, ['a', 'b'])
    expect(await opened().listFiles({ space, prefix: '', limit: 2 })).not.toHaveProperty('next')
    expect(await opened().listFiles({ space, prefix: '', limit: 1 })).toHaveProperty('next', 'a')
  })

  it('finds names whatever their letter case and normal form, also once they were renamed', async () => {
    const space = aSpace()
    const names = ['MÜLL.txt', 'm\u00fcll', 'mu\u0308ll', 'Straße', 'ΟΔΟΣ', 'plain']
    await createFiles(opened(), space, names)
    const found = async (q: string) =>
      (await opened().listFiles({ space, prefix: '', q, limit: 9 })).files.map(({ name }) => name)
    for (const q of ['müll', 'MÜLL', 'mu\u0308ll', 'MU\u0308LL']) {
      expect(await found(q)).toEqual(['MÜLL.txt', 'mu\u0308ll', 'm\u00fcll'])
    }
    expect(await found('STRASSE')).toEqual(['Straße'])
    expect(await found('οδος')).toEqual(['ΟΔΟΣ'])
    expect(await found('mull')).toEqual([])

    await opened().updateFile(space, { name: named('plain') }, { name: named('ÄPFEL') })
    expect([await found('äpfel'), await found('plain')]).toEqual([['ÄPFEL'], []])
    await opened().updateFile(space, { name: named('ÄPFEL') }, { name: named('plain') })
    expect([await found('äpfel'), await found('PLAIN')]).toEqual([[], ['plain']])
  })

  it('takes half a character for something that no name holds', async () => {
    const space = aSpace()
    await createFiles(opened(), space, ['\u{fffd}', '😀', 'x'])
    const half = '\ud83d'
    const empty = { files: [], prefixes: [] }
    expect(await opened().listFiles({ space, prefix: half, limit: 9 })).toEqual(empty)
    expect(await opened().listFiles({ space, prefix: '', q: half, limit: 9 })).toEqual(empty)
    const unfolded = await opened().listFiles({ space, prefix: '', delimiter: half, limit: 9 })
    expect(entriesOf(unfolded)).toEqual(['x', '\u{fffd}', '😀'])
  })

  it('begins at the prefix when `after` stands before it in bytes but not in UTF-16', async () => {
    const space = aSpace()
    await createFiles(opened(), space, ['\u{10000}', '😀a'])
    const page = await opened().listFiles({ space, prefix: '😀', limit: 9, after: '\u{ffff}' })
    expect(entriesOf(page)).toEqual(['😀a'])
  })

  it('finds what a search looks for behind the first step, in full pages, in the order of names', async () => {
    const space = aSpace()
    const names = Array.from({ length: namesPerStep + 10 }, (_, index) => `n${index + 100_000}`)
    const wanted = ['a-wanted', `${names[namesPerStep - 1]!}-wanted`, 'z-wanted']
    await createFiles(opened(), space, [...names, ...wanted])
    const pages = await allPages(opened(), { space, prefix: '', q: 'WANTED', limit: 2 })
    expect(pages.map(entriesOf)).toEqual([wanted.slice(0, 2), wanted.slice(2)])
    const nothing = await opened().listFiles({ space, prefix: 'n', q: 'nowhere', limit: 2 })
    expect(nothing).toEqual({ files: [], prefixes: [] })
  })

  it('ends a search that is aborted with the reason of its signal', async () => {
    const space = aSpace()
    await createFiles(opened(), space, ['a'])
    const reason = new Error('nobody waits for it')
    const signal = AbortSignal.abort(reason)
    const search = opened().listFiles({ space, prefix: '', q: 'a', limit: 1 }, { signal })
    await expect(search).rejects.toBe(reason)
  })

  it('lists nothing of other spaces', async () => {
    await createFiles(opened(), aSpace(), ['a', 'b'])
    const page = await opened().listFiles({ space: aSpace(), prefix: '', limit: 9 })
    expect(page).toEqual({ files: [], prefixes: [] })
  })
}
