import contentDisposition from 'content-disposition'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { disposition } from '../../../src/http/headers/disposition.ts'
import { isStoreError } from '../../../src/model/errors.ts'
import { parseFileName } from '../../../src/model/file.ts'

it.each([
  ['a.txt', 'filename="a.txt"'],
  ['dir/sub/a.txt', 'filename="a.txt"'],
  ['a b.txt', 'filename="a b.txt"'],
  ["it's (1); x=y, z.txt", 'filename="it\'s (1); x=y, z.txt"'],
  ['a"b.txt', 'filename="a_b.txt"; filename*=UTF-8\'\'a%22b.txt'],
  ['a\\b.txt', 'filename="a_b.txt"; filename*=UTF-8\'\'a%5Cb.txt'],
  ['100%.txt', 'filename="100_.txt"; filename*=UTF-8\'\'100%25.txt'],
  ['a%20b.txt', 'filename="a_20b.txt"; filename*=UTF-8\'\'a%2520b.txt'],
  ['é.txt', 'filename="_.txt"; filename*=UTF-8\'\'%C3%A9.txt'],
  ['€ rates.txt', 'filename="_ rates.txt"; filename*=UTF-8\'\'%E2%82%AC%20rates.txt'],
  ['dir/🌍', 'filename="_"; filename*=UTF-8\'\'%F0%9F%8C%8D'],
  ["é'*().txt", "filename=\"_'*().txt\"; filename*=UTF-8''%C3%A9%27%2A%28%29.txt"],
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
    { numRuns: 500 },
  )
})
