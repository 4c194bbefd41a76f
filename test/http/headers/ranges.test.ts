import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRange } from '../../../src/http/headers/ranges.ts'
import { runs } from '../../support/runs.ts'

describe('of ten bytes', () => {
  it.each([
    ['bytes=0-0', [0, 1]],
    ['bytes=2-4', [2, 5]],
    ['bytes=9-9', [9, 10]],
    ['bytes=0-9', [0, 10]],
    ['bytes=4-', [4, 10]],
    ['bytes=0-', [0, 10]],
    ['bytes=4-100', [4, 10]],
    ['bytes=4-99999999999999999999999', [4, 10]],
    ['bytes=-3', [7, 10]],
    ['bytes=-10', [0, 10]],
    ['bytes=-11', [0, 10]],
    ['bytes=-99999999999999999999999', [0, 10]],
    ['bytes=0002-004', [2, 5]],
    ['Bytes=2-4', [2, 5]],
    ['bytes= 2-4', [2, 5]],
    ['bytes=\t2-4 ,', [2, 5]],
    ['bytes=,,2-4', [2, 5]],
    ['bytes=0-1,2-4', [0, 5]],
    ['bytes=2-4, 0-1', [0, 5]],
    ['bytes=0-5,3-8', [0, 9]],
    ['bytes=0-8,3-5', [0, 9]],
    ['bytes=2-3,2-3', [2, 4]],
    ['bytes=4-,-6', [4, 10]],
    ['bytes=2-4,10-12', [2, 5]],
    ['bytes=-0,2-4', [2, 5]],
    ['bytes=0-0,2-2,1-1', [0, 3]],
  ])('%j is %j', (header, [start, end]) => {
    expect(parseRange(header, 10)).toEqual({ start, end })
  })

  it.each(['bytes=10-', 'bytes=10-12', 'bytes=-0', 'bytes=10-,-0', 'bytes=99999999999999999999999-'])(
    '%j is unsatisfiable',
    (header) => {
      expect(parseRange(header, 10)).toBe('unsatisfiable')
    },
  )

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes= ,',
    'bytes=-',
    'bytes=4',
    'bytes=4-2',
    'bytes=0-1,4-2',
    'bytes=12-11',
    'bytes=a-b',
    'bytes=0-b',
    'bytes=0x1-2',
    'bytes=--1',
    'bytes=1--2',
    'bytes=+1-2',
    'bytes=1.5-2',
    'bytes=0 - 4',
    'bytes=0-4;5-6',
    'bytes = 0-4',
    'bytes:0-4',
    'lines=0-4',
    'bytes=0-4, bytes=6-7',
    'bytes=0-1,3-4',
    'bytes=0-0,-1',
  ])('%j is all of it', (header) => {
    expect(parseRange(header, 10)).toBe('full')
  })
})

describe('of no bytes', () => {
  it.each([
    ['bytes=0-', 'unsatisfiable'],
    ['bytes=0-0', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=-1', 'full'],
    ['bytes=-5,0-', 'full'],
  ])('%j is %s', (header, result) => {
    expect(parseRange(header, 0)).toBe(result)
  })
})

it('names the bytes that a look at each byte by itself would', () => {
  const position = fc.nat({ max: 24 })
  const spec = fc.oneof(
    fc.tuple(position, position).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
    position.map((first) => ({ first, last: Infinity })),
    position.map((suffix) => ({ suffix })),
  )
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 4 }), position, (specs, size) => {
      const written = specs.map((each) =>
        'suffix' in each ? `-${each.suffix}` : `${each.first}-${each.last === Infinity ? '' : each.last}`,
      )
      const wanted = Array.from({ length: size }, (_, at) => at).filter((at) =>
        specs.some((each) =>
          'suffix' in each ? at >= size - each.suffix : at >= each.first && at <= each.last,
        ),
      )
      const isOneRun = wanted.every((at, n) => n === 0 || at === (wanted[n - 1] ?? 0) + 1)
      const hasEndOfNothing = size === 0 && specs.some((each) => 'suffix' in each && each.suffix > 0)
      const range = { start: wanted[0], end: (wanted.at(-1) ?? 0) + 1 }
      const nothing = hasEndOfNothing ? 'full' : 'unsatisfiable'
      const expected = wanted.length === 0 ? nothing : isOneRun ? range : 'full'
      expect(parseRange(`bytes=${written.join(',')}`, size)).toEqual(expected)
    }),
    { numRuns: runs(2000) },
  )
})

it('never names a byte that is not there, whatever the header', () => {
  const text = fc.stringMatching(/^bytes=[-0-9, ]{0,20}$/)
  fc.assert(
    fc.property(text, fc.nat({ max: 100 }), (header, size) => {
      const range = parseRange(header, size)
      const { start, end } = typeof range === 'string' ? { start: 0, end: 1 } : range
      expect(start).toBeGreaterThanOrEqual(0)
      expect(start).toBeLessThan(end)
      expect(end).toBeLessThanOrEqual(Math.max(size, 1))
    }),
    { numRuns: runs(1000) },
  )
})
