import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseRequestTarget } from '../../../src/http/headers/request-target.ts'

it.each([
  ['/', '/', ''],
  ['/files/a', '/files/a', ''],
  ['/files/a%20b?x=1', '/files/a b', 'x=1'],
  ['/files/a+b?x=c+d', '/files/a+b', 'x=c+d'],
  ['/files/%E2%82%AC', '/files/€', ''],
  ['/files/%f0%9f%8c%8d', '/files/🌍', ''],
  ['/files/100%25', '/files/100%', ''],
  ['/files/a%2Fb', '/files/a/b', ''],
  ['/files/a%3Fb?c', '/files/a?b', 'c='],
  ['/files/a%23b', '/files/a#b', ''],
  ['/files/a%00b', '/files/a\0b', ''],
  ['/files/../b', '/files/../b', ''],
  ['/files/%2e%2E/b', '/files/../b', ''],
  ['/files/./b//c/', '/files/./b//c/', ''],
  ['//other/b', '//other/b', ''],
  ['/a?', '/a', ''],
  ['/a?b?c', '/a', 'b%3Fc='],
  ['/a?x=1&x=2&y', '/a', 'x=1&x=2&y='],
  ['/a?x=%E2%82%AC', '/a', 'x=%E2%82%AC'],
  ['/http://host/b', '/http://host/b', ''],
])('%s: path %j, query %s', (target, path, query) => {
  const parsed = parseRequestTarget(target)
  expect(parsed.path).toBe(path)
  expect(parsed.query.toString()).toBe(query)
  expect(parsed).not.toHaveProperty('authority')
})

it.each([
  ['http://host/files/a%20b?x=1', 'host', '/files/a b', 'x=1'],
  ['HTTPS://host:8443/a', 'host:8443', '/a', ''],
  ['http://[::1]:8080/a', '[::1]:8080', '/a', ''],
  ['http://host', 'host', '/', ''],
  ['http://host?x=1', 'host', '/', 'x=1'],
  ['http://host/../a', 'host', '/../a', ''],
])('%s: authority %s, path %s, query %s', (target, authority, path, query) => {
  const parsed = parseRequestTarget(target)
  expect(parsed).toMatchObject({ authority, path })
  expect(parsed.query.toString()).toBe(query)
})

it.each([
  '',
  '*',
  'files/a',
  '?x=1',
  'host:443',
  'ftp://host/a',
  'http:///a',
  'http://user:word@host/a',
  '/a%',
  '/a%2',
  '/a%zz',
  '/a%ff',
  '/a%C0%AF',
  '/a%ed%a0%80',
  '/a?x=%',
  '/a?x=%ff',
  '/a#b',
  '/a?b#c',
  '/a b',
  '/â‚¬',
  '/\x7f',
])('refuses %j', (target) => {
  expect(() => parseRequestTarget(target)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
})

it('gives back every path and every parameter that was escaped', () => {
  const unicode = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(unicode, fc.array(fc.tuple(unicode, unicode)), (name, parameters) => {
      const query = new URLSearchParams(parameters)
      const parsed = parseRequestTarget(`/${encodeURIComponent(name)}?${query.toString()}`)
      expect(parsed.path).toBe(`/${name}`)
      expect([...parsed.query]).toEqual(parameters)
    }),
  )
})
