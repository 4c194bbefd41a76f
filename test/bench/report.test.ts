import { expect, it } from 'vitest'
import { chartOf } from '../../bench/chart.ts'
import { holds, tableOf } from '../../bench/report.ts'
import type { Row } from '../../bench/row.ts'

const row: Row = {
  suite: 'small',
  work: 'GET',
  against: 'a <peer>',
  unit: 'ops/s',
  ours: 30,
  theirs: 20,
  ratio: 1.5,
}
const alone: Row = { suite: 'small', work: 'PUT', against: 'nothing', unit: 'ops/s', ours: 2500 }

it.each([
  { target: { atLeast: 1.5 }, held: true },
  { target: { atLeast: 1.51 }, held: false },
  { target: { atMost: 1.5 }, held: true },
  { target: { atMost: 1.49 }, held: false },
])('a ratio of 1.5 against $target', ({ target, held }) => {
  expect(holds({ ...row, target })).toBe(held)
})

it('without a ratio what was measured counts, and without a target nothing does', () => {
  expect(holds({ ...alone, target: { atLeast: 2500 } })).toBe(true)
  expect(holds({ ...alone, target: { atLeast: 2501 } })).toBe(false)
  expect(holds(alone)).toBeUndefined()
})

it('prints each row with its target and whether it holds', () => {
  const table = tableOf([
    { ...row, spread: [1.4, 1.6], target: { atLeast: 2 } },
    { ...alone, target: { atLeast: 2500 } },
    alone,
  ])
  const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  expect(cells.slice(2).map((line) => line.slice(5, 8))).toEqual([
    ['1.50 (1.40–1.60)', '≥ 2', 'NO'],
    ['', '≥ 2,500 ops/s', 'yes'],
    ['', '', ''],
  ])
})

it('draws a bar for each ratio that has a target, and needs nothing from elsewhere', () => {
  const rows = [{ ...row, target: { atLeast: 2 } }, row, { ...alone, target: { atLeast: 2 } }]
  const chart = chartOf({ command: 'bench', at: '2026-01-01', machine: 'this one', rows })
  expect(chart.match(/<rect class="missed"/g)).toHaveLength(1)
  expect(chart).toContain('against a &lt;peer&gt;')
  expect(chart.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|url\(|@import/)
})
