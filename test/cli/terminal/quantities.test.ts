import { describe, expect, it } from 'vitest'
import { parseByteRange } from '../../../src/cli/transfer/byte-range.ts'
import { count, humanDuration, humanSize } from '../../../src/cli/terminal/quantities.ts'

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [102_297, '99.9 KiB'],
  [102_400, '100 KiB'],
  [1_048_063, '1023 KiB'],
  [1_048_064, '1.0 MiB'],
  [2_254_857_830, '2.1 GiB'],
  [1024 ** 4, '1.0 TiB'],
  [8000 * 1024 ** 4, '7.8 PiB'],
])('%d bytes are shown as %s', (bytes, shown) => {
  expect(humanSize(bytes)).toBe(shown)
})

it.each([
  [0, '0 files'],
  [1, '1 file'],
  [1002, '1,002 files'],
])('%d files are %s', (number, shown) => {
  expect(count(number, 'file')).toBe(shown)
})

it.each([
  [0, '0:00'],
  [67.9, '1:07'],
  [3600, '1:00:00'],
  [360_061, '100:01:01'],
  [Infinity, '?'],
  [Number.NaN, '?'],
])('%d seconds are shown as %s', (seconds, shown) => {
  expect(humanDuration(seconds)).toBe(shown)
})

describe('the range', () => {
  it.each([
    ['0-99', { from: 0, to: 100 }],
    ['7-7', { from: 7, to: 8 }],
    ['100-', { from: 100 }],
    ['-500', { from: -500 }],
  ])('%s is %j', (text, range) => {
    expect(parseByteRange(text)).toEqual(range)
  })

  it.each([
    '',
    '-',
    '-0',
    '5',
    '9-8',
    '1-2-3',
    'a-b',
    '0x1-2',
    ' 1-2',
    '0-9007199254740991',
    '9007199254740992-',
  ])('%j is refused', (text) => {
    expect(parseByteRange(text)).toBeUndefined()
  })
})
