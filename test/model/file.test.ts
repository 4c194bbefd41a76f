import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStoreError } from '../../src/model/errors.ts'
import { maxNameBytes, parseFileId, parseFileName, parseFileRef } from '../../src/model/file.ts'
import { runs } from '../support/runs.ts'

describe('a file name', () => {
  it.each([
    'a',
    'a/b/c.txt',
    ' ',
    'a b',
    '...',
    '.a',
    'a.',
    'a/..b/c',
    'a@b',
    'a/@b',
    'a\\b',
    'a%20b',
    '?#&',
    '日本語/🌍',
    '\u0301',
    '\u202e',
    'CON',
    'x'.repeat(maxNameBytes),
    'é'.repeat(maxNameBytes / 2),
  ])('may be %j', (name) => {
    expect(parseFileName(name)).toBe(name)
  })

  it.each([
    ['', 'is empty'],
    ['\ud800', 'not well-formed'],
    ['a\udc00b', 'not well-formed'],
    ['x'.repeat(maxNameBytes + 1), 'longer than 1024 bytes'],
    ['é'.repeat(maxNameBytes / 2) + 'a', 'longer than 1024 bytes'],
    ['a\0', 'control character'],
    ['a\nb', 'control character'],
    ['\x7f', 'control character'],
    ['a\x85', 'control character'],
    ['@', 'begins with @'],
    ['@a', 'begins with @'],
    ['/', 'empty segment'],
    ['/a', 'empty segment'],
    ['a/', 'empty segment'],
    ['a//b', 'empty segment'],
    ['.', '"." as a segment'],
    ['..', '".." as a segment'],
    ['a/./b', '"." as a segment'],
    ['a/..', '".." as a segment'],
    ['../a', '".." as a segment'],
  ])('is not %j: %s', (name, problem) => {
    expect(() => parseFileName(name)).toThrow(
      expect.objectContaining({ code: 'invalid_name', message: expect.stringContaining(problem) as string }),
    )
  })

  it('that is taken survives UTF-8, JSON and an address unchanged; what does not is refused', () => {
    const awkward = fc.constantFrom('/', '.', '@', '\\', '\0', '\n', '\ud800', '\udc00', '%', ' ')
    const text = fc
      .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 5 }), awkward))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (name) => {
        const isPlain =
          name !== '' &&
          name.isWellFormed() &&
          Buffer.byteLength(name) <= maxNameBytes &&
          Array.from(name).every((character) => {
            const point = character.codePointAt(0) ?? 0
            return point >= 0x20 && !(point >= 0x7f && point < 0xa0)
          }) &&
          name[0] !== '@' &&
          name.split('/').every((segment) => !['', '.', '..'].includes(segment))
        expect(isTaken(name)).toBe(isPlain)
        fc.pre(isPlain)
        expect(parseFileName(Buffer.from(name).toString())).toBe(name)
        expect(parseFileName(JSON.parse(JSON.stringify(name)) as string)).toBe(name)
        const { pathname } = new URL(`http://host/${name.split('/').map(encodeURIComponent).join('/')}`)
        expect(decodeURIComponent(pathname.slice(1))).toBe(name)
      }),
      { numRuns: runs(1000) },
    )
  })
})

function isTaken(name: string): boolean {
  try {
    return parseFileName(name) === name
  } catch (error) {
    if (isStoreError(error, 'invalid_name')) return false
    throw error
  }
}

describe('a file id', () => {
  it('is a UUIDv7, in lower case whatever it came in', () => {
    fc.assert(
      fc.property(fc.uuid({ version: 7 }), (id) => {
        expect(parseFileId(id)).toBe(id)
        expect(parseFileId(id.toUpperCase())).toBe(id)
      }),
    )
  })

  it.each([
    '',
    'a',
    '01890a5d-ac96-774b-bcce-b302099a805',
    '01890a5d-ac96-774b-bcce-b302099a80577',
    '01890a5dac96774bbcceb302099a8057',
    '01890a5d-ac96-474b-bcce-b302099a8057',
    '01890a5d-ac96-774b-ccce-b302099a8057',
    '01890a5d-ac96-774b-7cce-b302099a8057',
    '01890a5d-ac96-774b-bcce-b302099a805g',
    '{01890a5d-ac96-774b-bcce-b302099a8057}',
    '01890a5d-ac96-774b-bcce-b302099a8057\n',
    '00000000-0000-0000-0000-000000000000',
  ])('is not %j', (text) => {
    expect(() => parseFileId(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })
})

describe('a ref', () => {
  const id = '01890a5d-ac96-774b-bcce-b302099a8057'
  it.each([
    ['a/b', { name: 'a/b' }],
    [id, { name: id }],
    [`@${id}`, { id }],
    [`@${id.toUpperCase()}`, { id }],
    [`a@${id}`, { name: `a@${id}` }],
  ])('%s is %j', (text, ref) => {
    expect(parseFileRef(text)).toEqual(ref)
  })

  it.each([
    ['', 'invalid_name'],
    ['a//b', 'invalid_name'],
    ['@', 'invalid_request'],
    ['@a', 'invalid_request'],
    [`@@${id}`, 'invalid_request'],
    [`@${id}/a`, 'invalid_request'],
    [`@ ${id}`, 'invalid_request'],
  ])('%j is refused: %s', (text, code) => {
    expect(() => parseFileRef(text)).toThrow(expect.objectContaining({ code }))
  })
})
