import { describe, expect, it } from 'vitest'
import { parseFileChanges, parseMergePatch } from '../../../src/http/headers/file-changes.ts'

const many = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, 'x'.repeat(length)]))

it.each([
  [{ name: 'a/b.txt' }],
  [{ mediaType: 'text/plain; charset=utf-8' }],
  [{ metadata: {} }],
  [{ metadata: { author: 'Ada', empty: '', ключ: 'значение', constructor: 'x', lines: 'a\nb' } }],
  [{ metadata: { ['k'.repeat(128)]: 'v'.repeat(2048) } }],
  [{ metadata: many(7, 2048) }],
  [{ name: 'a', mediaType: 'a/b', metadata: { a: 'b' } }],
])('%j is taken as it is', (body) => {
  expect(parseFileChanges(body)).toEqual(body)
})

describe('names the place of what is wrong', () => {
  it.each([
    [undefined, 'invalid_metadata', 'expected object, received undefined'],
    [null, 'invalid_metadata', 'expected object, received null'],
    ['text', 'invalid_metadata', 'expected object, received string'],
    [[], 'invalid_metadata', 'expected object, received array'],
    [{}, 'invalid_metadata', 'must have name, mediaType or metadata'],
    [{ size: 1 }, 'invalid_metadata', 'Unrecognized key: "size"'],
    [{ name: 'a', Metadata: {} }, 'invalid_metadata', 'Unrecognized key: "Metadata"'],
    [{ name: 1 }, 'invalid_name', 'name: Invalid input: expected string, received number'],
    [{ name: null }, 'invalid_name', 'name: Invalid input: expected string, received null'],
    [{ name: '' }, 'invalid_name', 'The name is empty.'],
    [{ name: 'a//b' }, 'invalid_name', 'The name has an empty segment'],
    [{ mediaType: 'text' }, 'invalid_metadata', 'mediaType: is not of the form type/subtype'],
    [{ mediaType: 'a/b\r\nc: d' }, 'invalid_metadata', 'mediaType: is not of the form'],
    [{ mediaType: 5 }, 'invalid_metadata', 'mediaType: Invalid input: expected string'],
    [{ metadata: null }, 'invalid_metadata', 'metadata: Invalid input: expected record, received null'],
    [{ metadata: ['a'] }, 'invalid_metadata', 'metadata: Invalid input: expected record, received array'],
    [
      { metadata: { a: 1 } },
      'invalid_metadata',
      'metadata.a: Invalid input: expected string, received number',
    ],
    [{ metadata: { a: { b: 'c' } } }, 'invalid_metadata', 'metadata.a: Invalid input: expected string'],
    [{ metadata: { '': 'a' } }, 'invalid_metadata', 'metadata.: key: Too small'],
    [
      { metadata: { ['k'.repeat(129)]: 'a' } },
      'invalid_metadata',
      'key: Too big: expected string to have <=128',
    ],
    [
      { metadata: { a: 'v'.repeat(2049) } },
      'invalid_metadata',
      'metadata.a: Too big: expected string to have <=2048',
    ],
    [{ metadata: many(8, 2048) }, 'invalid_metadata', 'metadata: must be at most 16384 bytes of JSON'],
    [
      { metadata: { a: 'é'.repeat(2048), ...many(6, 2048) } },
      'invalid_metadata',
      'metadata: must be at most',
    ],
    [{ metadata: { a: '\ud800' } }, 'invalid_metadata', 'metadata.a: must be well-formed Unicode'],
    [
      { metadata: { a: 'b\0' } },
      'invalid_metadata',
      'metadata.a: must be well-formed Unicode without U+0000',
    ],
    [{ metadata: { '\udc00': 'a' } }, 'invalid_metadata', 'key: must be well-formed Unicode'],
    [
      JSON.parse('{"metadata":{"__proto__":"a"}}'),
      'invalid_metadata',
      'metadata: must not have the key __proto__',
    ],
    [JSON.parse('{"__proto__":{"name":"a"}}'), 'invalid_metadata', 'Unrecognized key: "__proto__"'],
  ])('%j: %s, %s', (body: unknown, code, message) => {
    expect(() => parseFileChanges(body)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    )
  })
})

describe('a merge patch', () => {
  const metadata = { a: '1', b: '2' }

  it.each([
    [{ metadata: { b: '3' } }, { metadata: { a: '1', b: '3' } }],
    [{ metadata: { c: '' } }, { metadata: { a: '1', b: '2', c: '' } }],
    [{ metadata: { a: null } }, { metadata: { b: '2' } }],
    [{ metadata: { absent: null } }, { metadata }],
    [
      { metadata: { a: null, c: '3' }, name: 'n' },
      { name: 'n', metadata: { b: '2', c: '3' } },
    ],
    [{ metadata: {} }, { metadata }],
    [{ metadata: null }, { metadata: {} }],
    [{ metadata: { constructor: 'x' } }, { metadata: { a: '1', b: '2', constructor: 'x' } }],
    [{ mediaType: 'a/b' }, { mediaType: 'a/b' }],
  ])('%j makes %j', (patch, changes) => {
    expect(parseMergePatch(patch)({ metadata })).toEqual(changes)
  })

  it('keeps keys that are properties of every object', () => {
    const file = { metadata: { constructor: 'x', toString: 'y' } as Record<string, string> }
    expect(parseMergePatch({ metadata: { b: '2' } })(file)).toEqual({
      metadata: { ...file.metadata, b: '2' },
    })
  })

  it.each([
    [{ name: null }, 'invalid_name'],
    [{ mediaType: null }, 'invalid_metadata'],
    [{ metadata: ['a'] }, 'invalid_metadata'],
    [{ metadata: { a: 1 } }, 'invalid_metadata'],
    [{ metadata: { a: { b: 'c' } } }, 'invalid_metadata'],
    [{ other: null }, 'invalid_metadata'],
    [null, 'invalid_metadata'],
    [{}, 'invalid_metadata'],
  ])('%j is refused', (patch: unknown, code) => {
    expect(() => parseMergePatch(patch)).toThrow(expect.objectContaining({ code }))
  })

  it('is refused if all metadata together would be too much', () => {
    const apply = parseMergePatch({ metadata: { more: 'x'.repeat(2048) } })
    expect(() => apply({ metadata: many(7, 2048) })).toThrow(
      expect.objectContaining({ code: 'invalid_metadata' }),
    )
  })
})
