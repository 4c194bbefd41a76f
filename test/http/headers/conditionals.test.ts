import { describe, expect, it } from 'vitest'
import { evaluateConditions, ifRangeHolds } from '../../../src/http/headers/conditionals.ts'
import { downloadTagOf } from '../../../src/http/headers/etags.ts'
import { parseDigest } from '../../../src/model/digest.ts'

const digest = parseDigest('ab'.repeat(32))
const tag = `"${digest}"`
// Modified in the middle of a second: the header can only tell the second.
const createdAt = Date.UTC(2026, 0, 10, 12, 0, 5, 678)
const file = { digest, createdAt, modifiedAt: createdAt }
const before = 'Sat, 10 Jan 2026 12:00:04 GMT'
const same = 'Sat, 10 Jan 2026 12:00:05 GMT'
const after = 'Sat, 10 Jan 2026 12:00:06 GMT'
const soon = 'Sun, 10 Jan 2027 12:00:06 GMT'

describe('one condition', () => {
  it.each([
    [{}, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': tag }, 'proceed'],
    [{ 'if-match': `"x", ${tag}` }, 'proceed'],
    [{ 'if-match': '"x"' }, 'precondition_failed'],
    [{ 'if-match': `W/${tag}` }, 'precondition_failed'],
    [{ 'if-none-match': '*' }, 'not_modified'],
    [{ 'if-none-match': tag }, 'not_modified'],
    [{ 'if-none-match': `W/${tag}` }, 'not_modified'],
    [{ 'if-none-match': `"x", ${tag}` }, 'not_modified'],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-modified-since': before }, 'proceed'],
    [{ 'if-modified-since': same }, 'not_modified'],
    [{ 'if-modified-since': after }, 'not_modified'],
    [{ 'if-modified-since': soon }, 'not_modified'],
    [{ 'if-modified-since': 'Saturday, 10-Jan-26 12:00:05 GMT' }, 'not_modified'],
    [{ 'if-modified-since': 'Sat Jan 10 12:00:05 2026' }, 'not_modified'],
    [{ 'if-modified-since': 'now' }, 'proceed'],
    [{ 'if-modified-since': '' }, 'proceed'],
    [{ 'if-unmodified-since': before }, 'precondition_failed'],
    [{ 'if-unmodified-since': same }, 'proceed'],
    [{ 'if-unmodified-since': after }, 'proceed'],
    [{ 'if-unmodified-since': 'never' }, 'proceed'],
  ] as const)('%j: %s', (headers, result) => {
    expect(evaluateConditions(headers, file)).toBe(result)
  })
})

describe('several conditions, in the order of RFC 9110, 13.2.2', () => {
  it.each([
    [{ 'if-match': tag, 'if-unmodified-since': before }, 'proceed'],
    [{ 'if-match': '"x"', 'if-unmodified-since': after }, 'precondition_failed'],
    [{ 'if-match': tag, 'if-none-match': tag }, 'not_modified'],
    [{ 'if-match': '"x"', 'if-none-match': tag }, 'precondition_failed'],
    [{ 'if-match': tag, 'if-modified-since': after }, 'not_modified'],
    [{ 'if-unmodified-since': before, 'if-none-match': tag }, 'precondition_failed'],
    [{ 'if-unmodified-since': after, 'if-none-match': tag }, 'not_modified'],
    [{ 'if-none-match': tag, 'if-modified-since': before }, 'not_modified'],
    [{ 'if-none-match': '"x"', 'if-modified-since': after }, 'proceed'],
    [{ 'if-unmodified-since': same, 'if-modified-since': same }, 'not_modified'],
    [{ 'if-none-match': tag, 'cache-control': 'no-cache' }, 'not_modified'],
  ] as const)('%j: %s', (headers, result) => {
    expect(evaluateConditions(headers, file)).toBe(result)
  })
})

it.each(['if-match', 'if-none-match'])('sends the file if %s cannot be read', (name) => {
  for (const value of ['x', digest, `"x", ${digest}`, '"', '*, "x"']) {
    expect(evaluateConditions({ [name]: value }, file)).toBe('proceed')
  }
})

it('an empty list has no tag', () => {
  for (const value of ['', ' ', ',', ' ,\t,']) {
    expect(evaluateConditions({ 'if-none-match': value }, file)).toBe('proceed')
    expect(evaluateConditions({ 'if-match': value }, file)).toBe('precondition_failed')
  }
})

it('a date for If-Range holds only once its second is over', () => {
  const second = Date.parse(same)
  expect([second, second + 999, second + 1000].map((now) => ifRangeHolds(same, file, now))).toEqual([
    false,
    false,
    true,
  ])
})

it('a file that was changed has a tag of its own, and the content that it had', () => {
  const changed = { ...file, modifiedAt: createdAt + 1 }
  const own = downloadTagOf(changed)
  expect(own).not.toBe(tag)
  expect(evaluateConditions({ 'if-none-match': tag }, changed)).toBe('proceed')
  expect(evaluateConditions({ 'if-none-match': own }, changed)).toBe('not_modified')
  expect(evaluateConditions({ 'if-none-match': own }, file)).toBe('proceed')
  expect(evaluateConditions({ 'if-match': tag }, changed)).toBe('proceed')
  expect(evaluateConditions({ 'if-match': own }, file)).toBe('proceed')
  expect(ifRangeHolds(tag, changed)).toBe(false)
  expect(ifRangeHolds(own, changed)).toBe(true)
})

it.each([
  [undefined, true],
  [tag, true],
  ['"x"', false],
  [`W/${tag}`, false],
  [`${tag}, "x"`, false],
  [digest, false],
  ['*', false],
  ['', false],
  [same, true],
  [before, false],
  [after, false],
  ['Saturday, 10-Jan-26 12:00:05 GMT', true],
  ['2026-01-10T12:00:05Z', false],
])('If-Range %j holds: %s', (header, holds) => {
  expect(ifRangeHolds(header, file)).toBe(holds)
})
