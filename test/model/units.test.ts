import { expect, it } from 'vitest'
import { parseDuration, parseSize } from '../../src/model/units.ts'

it.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['2 H', 7_200_000],
  ['1d', 86_400_000],
  ['0s', 0],
  ['30', undefined],
  ['', undefined],
  ['-1s', undefined],
  ['1w', undefined],
  ['0.5ms', undefined],
])('parseDuration reads %j as %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each([
  ['1048576', 1_048_576],
  ['512B', 512],
  ['8MiB', 8 * 1024 ** 2],
  ['1.5 gb', 1_500_000_000],
  ['1TiB', 1024 ** 4],
  ['0', 0],
  ['1.5', undefined],
  ['1PiB', undefined],
  ['10000TiB', undefined],
  ['-1', undefined],
  ['', undefined],
])('parseSize reads %j as %s bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})
