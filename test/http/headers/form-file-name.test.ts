import { describe, expect, it } from 'vitest'
import { formFileName } from '../../../src/http/headers/form-file-name.ts'

const latin1 = (text: string) => Buffer.from(text).toString('latin1')

describe('the name in', () => {
  it.each<readonly [string, string | undefined]>([
    ['form-data; name="f"', undefined],
    ['form-data; name="f; filename=a"', undefined],
    ['form-data; name="f"; filename=""', ''],
    ['form-data; name="f"; filename="a/b.txt"', 'a/b.txt'],
    ['form-data; name="f"; FileName=a.txt', 'a.txt'],
    ['form-data; filename="first"; filename="second"', 'first'],
    ['form-data; filename="müll/🪨"', 'müll/🪨'],
    [String.raw`form-data; filename="say \"yes\" \\ a\b"`, String.raw`say "yes" \ a\b`],
    ['form-data; filename="say %22yes%22, 100%"', 'say "yes", 100%'],
    ['form-data; filename="_.txt"; filename*=UTF-8\'\'%e2%82%AC.txt', '€.txt'],
    ["form-data; filename*=utf-8'en'100%25", '100%'],
    ["form-data; filename*=UTF-8''", ''],
  ])('%s', (header, name) => {
    expect(formFileName(latin1(header))).toBe(name)
  })
})

describe('no UTF-8 is in', () => {
  it.each([
    'form-data; filename="caf\xe9"',
    'form-data; filename="a"; filename*=UTF-8\'\'caf%e9',
    "form-data; filename*=ISO-8859-1''caf%e9",
    "form-data; filename*=UTF-8''100%",
    'form-data; filename*=a',
  ])('%s', (header) => {
    expect(() => formFileName(header)).toThrow(TypeError)
  })
})
