import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromCursor, toCursor } from '../../../src/http/headers/list-cursor.ts'
import { parseListQuery } from '../../../src/http/headers/list-query.ts'

it.each([
  ['', { prefix: '', limit: 100 }],
  ['prefix=a/b', { prefix: 'a/b', limit: 100 }],
  ['prefix=&delimiter=&q=&limit=&cursor=', { prefix: '', limit: 100 }],
  ['delimiter=/', { prefix: '', limit: 100, delimiter: '/' }],
  ['delimiter=ab', { prefix: '', limit: 100, delimiter: 'ab' }],
  ['q=%25_%E2%82%AC', { prefix: '', limit: 100, q: '%_€' }],
  ['limit=1', { prefix: '', limit: 1 }],
  ['limit=1000', { prefix: '', limit: 1000 }],
  [`cursor=${toCursor('a/€')}`, { prefix: '', limit: 100, after: 'a/€' }],
  [`prefix=${'p'.repeat(1024)}`, { prefix: 'p'.repeat(1024), limit: 100 }],
])('%s', (query, parsed) => {
  expect(parseListQuery(new URLSearchParams(query))).toEqual(parsed)
})

it.each([
  ['limit=0', 'limit: must be a whole number from 1 to 1000'],
  ['limit=1001', 'limit: must be a whole number from 1 to 1000'],
  ['limit=-1', 'limit: must be a whole number from 1 to 1000'],
  ['limit=1.5', 'limit: must be a whole number from 1 to 1000'],
  ['limit=1e2', 'limit: must be a whole number from 1 to 1000'],
  ['limit=all', 'limit: must be a whole number from 1 to 1000'],
  ['limit=+5', 'limit: must be a whole number from 1 to 1000'],
  ['prefix=a%00', 'prefix: must not contain control characters'],
  ['q=a%0A', 'q: must not contain control characters'],
  ['delimiter=%7F', 'delimiter: must not contain control characters'],
  [`prefix=${'p'.repeat(1025)}`, 'prefix: Too big'],
  ['prefx=a', 'Unrecognized key: "prefx"'],
  ['__proto__=a', 'Unrecognized key: "__proto__"'],
  ['prefix=a&prefix=b', 'prefix only once'],
  ['limit=5&limit=5', 'limit only once'],
  ['cursor=%21', 'cursor'],
  ['cursor=YQ==', 'cursor'],
  ['cursor=YR', 'cursor'],
  ['cursor=_w', 'cursor'],
  ['cursor=AA', 'cursor'],
])('refuses %s: %s', (query, message) => {
  expect(() => parseListQuery(new URLSearchParams(query))).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(message) as string }),
  )
})

it('gives back what a cursor was made of, safe for an address', () => {
  const names = fc.string({ unit: 'grapheme', minLength: 1 })
  fc.assert(
    fc.property(names, (name) => {
      expect(toCursor(name)).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(fromCursor(toCursor(name))).toBe(name)
    }),
  )
})
