import { expect, it } from 'vitest'
import { backOffMs } from '../../src/model/back-off.ts'

const failures = [1, 2, 3, 4, 5, 2000]

it('doubles the longest pause with each failure, up to its maximum', () => {
  const options = { firstMs: 100, maxMs: 500, random: () => 1 }
  expect(failures.map((count) => backOffMs(count, options))).toEqual([100, 200, 400, 500, 500, 500])
})

it('never pauses for less than the least share', () => {
  const options = { firstMs: 100, maxMs: 500, random: () => 0 }
  expect(failures.map((count) => backOffMs(count, options))).toEqual([0, 0, 0, 0, 0, 0])
  expect(failures.map((count) => backOffMs(count, { ...options, leastShare: 0.5 }))).toEqual([
    50, 100, 200, 250, 250, 250,
  ])
})

it('spreads pauses evenly between the least and the longest', () => {
  const options = { firstMs: 100, maxMs: 500, leastShare: 0.5, random: () => 0.5 }
  expect(backOffMs(1, options)).toBe(75)
})
