import { describe, expect, it } from 'vitest'
import { etagOf, parseStrongTag, readPrecondition } from '../../../src/http/headers/etags.ts'
import { parseDigest } from '../../../src/model/digest.ts'

const hex = 'a1'.repeat(32)

it('makes a strong tag of a digest, and finds the digest in it', () => {
  expect(etagOf(parseDigest(hex))).toBe(`"${hex}"`)
  expect(parseStrongTag(etagOf(parseDigest(hex)))).toBe(hex)
})

it.each([
  ['"a"', 'a'],
  ['""', ''],
  ['W/"a"', undefined],
  ['"a", "b"', undefined],
  ['a', undefined],
  ['*', undefined],
  ['', undefined],
])('the strong tag %j is %j', (text, opaque) => {
  expect(parseStrongTag(text)).toBe(opaque)
})

describe('lists', () => {
  it.each([
    ['*', '*', '*'],
    ['', [], []],
    [' ', [], []],
    [',', [], []],
    [`"${hex}-mk1q"`, [hex], [hex]],
    [' * ', '*', '*'],
    ['"a"', ['a'], ['a']],
    ['"a", "b"', ['a', 'b'], ['a', 'b']],
    ['"a","b"', ['a', 'b'], ['a', 'b']],
    [',, "a" ,\t,"b",', ['a', 'b'], ['a', 'b']],
    ['W/"a"', [], ['a']],
    ['W/"a", "b"', ['b'], ['a', 'b']],
    ['"a,b"', ['a,b'], ['a,b']],
    ['"*"', ['*'], ['*']],
    ['""', [''], ['']],
    ['"A"', ['A'], ['A']],
    ['"W/"', ['W/'], ['W/']],
    ['"\u00e9!"', ['\u00e9!'], ['\u00e9!']],
    [`"${hex}"`, [hex], [hex]],
  ])('%j: If-Match %j, If-None-Match %j', (text, ifMatch, ifNoneMatch) => {
    expect(readPrecondition({ 'if-match': text })).toEqual({ ifMatch })
    expect(readPrecondition({ 'if-none-match': text })).toEqual({ ifNoneMatch })
  })

  it.each([
    'a',
    '"a',
    'a"',
    '"a" "b"',
    '"a"; "b"',
    'w/"a"',
    'W/ "a"',
    'W/a',
    '*, "a"',
    '"a", *',
    '**',
    '"a b"',
    '"a"b"',
    '"\u20ac"',
    '"a\x7f"',
  ])('%j is refused in either', (text) => {
    const refusal = expect.objectContaining({ code: 'invalid_request' })
    expect(() => readPrecondition({ 'if-match': text })).toThrow(refusal)
    expect(() => readPrecondition({ 'if-none-match': text })).toThrow(refusal)
  })

  it('are demands only where they were sent, and both at once if so', () => {
    expect(readPrecondition({})).toEqual({})
    expect(readPrecondition({ 'if-match': '"a"', 'if-none-match': '*' })).toEqual({
      ifMatch: ['a'],
      ifNoneMatch: '*',
    })
  })

  it('take time in proportion to their length', () => {
    const blanks = ' '.repeat(200_000)
    const begin = performance.now()
    expect(() => readPrecondition({ 'if-match': `"a",${blanks}x` })).toThrow('list of entity tags')
    expect(performance.now() - begin).toBeLessThan(1000)
  })
})

it('demands what If-Unmodified-Since says only if it is a date and If-Match is absent', () => {
  const date = 'Tue, 15 Nov 1994 12:45:26 GMT'
  expect(readPrecondition({ 'if-unmodified-since': date })).toEqual({ ifUnmodifiedSince: Date.parse(date) })
  expect(readPrecondition({ 'if-unmodified-since': date, 'if-match': '*' })).toEqual({ ifMatch: '*' })
  expect(readPrecondition({ 'if-unmodified-since': 'yesterday' })).toEqual({})
})
