import { describe, expect, it } from 'vitest'
import { mediaTypeOf, problemWithMediaType } from '../../../src/http/headers/media-type.ts'
import { parseFileName } from '../../../src/model/file.ts'

const name = parseFileName('photo.png')

describe('a type that was sent', () => {
  it.each([
    'text/plain',
    'TEXT/Plain',
    'text/plain; charset=utf-8',
    'text/plain;charset=utf-8',
    'text/plain ; charset="utf-8" ; x=y',
    'text/plain; x="a\\"b; c"',
    'text/plain;',
    'text/plain;; x=y',
    'image/svg+xml',
    'application/vnd.api+json',
    'application/x-www-form-urlencoded',
    `a/${'b'.repeat(253)}`,
  ])('is kept as it is: %s', (type) => {
    expect(mediaTypeOf(type, name)).toBe(type)
    expect(problemWithMediaType(type)).toBeUndefined()
  })

  it.each([
    '',
    'text',
    'text/',
    '/plain',
    'text/plain/x',
    'text /plain',
    ' text/plain',
    'text/plain, text/html',
    'text/plain; charset',
    'text/plain; charset=',
    'text/plain; charset = x',
    'text/plain; x="a',
    'text/plain; x="a\\',
    'text/plain; x="\u00e9"',
    'text/pläin',
    'text/plain\r\nX-Evil: 1',
    'text/plain; x="a\nb"',
    'text/plain\0',
    `a/${'b'.repeat(254)}`,
  ])('is unknown if it cannot be read: %j', (type) => {
    expect(mediaTypeOf(type, name)).toBe('application/octet-stream')
    expect(problemWithMediaType(type)).toBeDefined()
  })

  it('is looked at in no time, however it is built', () => {
    const begin = performance.now()
    expect(problemWithMediaType(`a/b${'; '.repeat(120)}=`)).toBeDefined()
    expect(performance.now() - begin).toBeLessThan(1000)
  })
})

describe('without one, the name tells', () => {
  it.each([
    ['photo.png', 'image/png'],
    ['PHOTO.PNG', 'image/png'],
    ['dir.png/photo.jpeg', 'image/jpeg'],
    ['page.html', 'text/html'],
    ['notes.txt', 'text/plain'],
    ['a.tar.gz', 'application/gzip'],
    ['data.json', 'application/json'],
    ['film.mp4', 'video/mp4'],
    ['png', 'application/octet-stream'],
    ['dir/png', 'application/octet-stream'],
    ['.png', 'application/octet-stream'],
    ['dir.png/file', 'application/octet-stream'],
    ['a.', 'application/octet-stream'],
    ['a.nonsense', 'application/octet-stream'],
    ['a.__proto__', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
  ])('%s: %s', (text, type) => {
    expect(mediaTypeOf(undefined, parseFileName(text))).toBe(type)
  })
})
