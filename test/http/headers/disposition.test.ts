import contentDisposition from 'content-disposition'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { disposition } from '../../../src/http/headers/disposition.ts'
import { isStoreError } from '../../../src/model/errors.ts'
import { parseFileName } from '../../../src/model/file.ts'
import { runs } from '../../support/runs.ts'

it.each([
  ['a.txt', 'filename="a.txt"'],
  ['dir/sub/a.txt', 'filename="a.txt"'],
  ['a b.txt', 'filename="a b.txt"'],
  ["it's (1); x=y, z.txt", 'filename="it\'s (1); x=y, z.txt"'],
  ['a"b.txt', 'filename="a_b.txt"; filename*=UTF-8\'\'a%22b.txt'],
  ['a\\b.txt', 'filename="a_b.txt"; filename*=UTF-8\'\'a%5Cb.txt'],
  ['100%.txt', 'filename="100_.txt"; filename*=UTF-8\'\'100%25.txt'],
  ['a%20b.txt', 'filename="a_20b.txt"; filename*=UTF-8\'\'a%2520b.txt'],
  ['é.txt', 'filename="e.txt"; filename*=UTF-8\'\'%C3%A9.txt'],
  ['€ rates.txt', 'filename="_ rates.txt"; filename*=UTF-8\'\'%E2%82%AC%20rates.txt'],
  ['dir/🌍', 'filename="_"; filename*=UTF-8\'\'%F0%9F%8C%8D'],
  [
    'Straße – Käse.txt',
    'filename="Strasse - Kase.txt"; filename*=UTF-8\'\'Stra%C3%9Fe%20%E2%80%93%20K%C3%A4se.txt',
  ],
  ['u\u0308.txt', 'filename="u.txt"; filename*=UTF-8\'\'u%CC%88.txt'],
  [
    'Łódź ﬁx œuvre.txt',
    'filename="Lodz fix oeuvre.txt"; filename*=UTF-8\'\'%C5%81%C3%B3d%C5%BA%20%EF%AC%81x%20%C5%93uvre.txt',
  ],
  ['\u2100.txt', 'filename="a_c.txt"; filename*=UTF-8\'\'%E2%84%80.txt'],
  ['\uff0e\uff0e', 'filename="_"; filename*=UTF-8\'\'%EF%BC%8E%EF%BC%8E'],
  ['\u0301', 'filename="_"; filename*=UTF-8\'\'%CC%81'],
  ["é'*().txt", "filename=\"e'*().txt\"; filename*=UTF-8''%C3%A9%27%2A%28%29.txt"],
])('%s: %s', (name, parameters) => {
  expect(disposition(parseFileName(name), 'attachment')).toBe(`attachment; ${parameters}`)
  expect(disposition(parseFileName(name), 'inline')).toBe(`inline; ${parameters}`)
})

it('is one header of printable ASCII that names the last segment, for every name', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((name) => {
    try {
      return parseFileName(name) !== ''
    } catch (error) {
      if (isStoreError(error, 'invalid_name')) return false
      throw error
    }
  })
  fc.assert(
    fc.property(text, (name) => {
      const header = disposition(parseFileName(name), 'attachment')
      expect(header).toMatch(/^[\x20-\x7e]+$/)
      expect(contentDisposition.parse(header)).toEqual({
        type: 'attachment',
        parameters: { filename: name.split('/').at(-1) },
      })
    }),
    { numRuns: runs(500) },
  )
})
