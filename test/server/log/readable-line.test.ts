import { expect, it } from 'vitest'
import { readableLine } from '../../../src/server/log/readable-line.ts'

const time = '2026-01-02T03:04:05.006Z'
const text = (fields: object, isColored = false) =>
  readableLine(isColored)(`${JSON.stringify({ level: 30, time, ...fields })}\n`)

it('shows level, message and fields in one line', () => {
  const line = text({ level: 40, msg: 'takes fewer', maxConnections: 3, wanted: 'a b' })
  expect(line).toMatch(/^\d\d:\d\d:05\.006 WARN {2}takes fewer maxConnections=3 wanted="a b"\n$/)
})

it('shows a request as client, method, path, status and time', () => {
  const request = { client: '::1', method: 'GET', url: '/files/a', status: 404, ms: 1.5, isComplete: true }
  expect(text({ msg: 'request', ...request })).toMatch(/ INFO {2}::1 GET \/files\/a 404 1\.5 ms\n$/)
  const failed = text({ msg: 'request', ...request, isComplete: false, code: 'not_found', detail: 'none' })
  expect(failed).toContain('1.5 ms (broken off) not_found: none\n')
})

it('shows the stack of an error below its line', () => {
  const lines = text({ level: 50, msg: 'failed', err: { stack: 'Error: x\n    at y' } }).split('\n')
  expect(lines.slice(1)).toEqual(['    Error: x', '        at y', ''])
})

it('lets nothing through that a terminal would obey', () => {
  const line = text({ msg: 'a\u001b[2Jb\nc\rd', name: 'e\u0007f' })
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f]/)
})

it('colors the level on a terminal alone', () => {
  expect(text({ msg: 'x' }, true)).toContain('\u001b[32mINFO')
  expect(text({ msg: 'x' })).not.toContain('\u001b')
})
