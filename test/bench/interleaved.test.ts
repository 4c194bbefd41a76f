import { expect, it } from 'vitest'
import { comparison, interleaved, type Measure } from '../../bench/interleaved.ts'

/** Gives these figures one after the other, and says each time that it was asked. */
function measuring(name: string, figures: readonly number[], log: string[]): Measure {
  const left = [...figures]
  return async () => {
    log.push(name)
    return left.shift()!
  }
}

it('lets alternatives take turns, every other round in reverse order', async () => {
  const log: string[] = []
  const each = (name: string) => measuring(name, [1, 1, 1], log)
  await interleaved({ a: each('a'), b: each('b'), c: each('c') }, { rounds: 3, warmUps: 0 })
  expect(log.join('')).toBe('abccbaabc')
})

it('does not count the first round', async () => {
  const samples = await interleaved({ a: measuring('a', [100, 2, 4, 3], []) }, { rounds: 3 })
  expect(samples.median('a')).toBe(3)
})

it('takes the median of the ratios of the rounds, not the ratio of the medians', async () => {
  const ours = measuring('ours', [1, 10, 12], [])
  const theirs = measuring('theirs', [4, 5, 2], [])
  const samples = await interleaved({ ours, theirs }, { rounds: 3, warmUps: 0 })
  const row = comparison(samples, 'ours', 'theirs', { suite: 's', work: 'w', against: 't', unit: 'ms' })
  expect(row).toMatchObject({ ours: 10, theirs: 4, ratio: 2, spread: [1.125, 4] })
})

it('changes figures before it compares them', async () => {
  const both = { ours: measuring('ours', [2], []), theirs: measuring('theirs', [4], []) }
  const speeds = (await interleaved(both, { rounds: 1, warmUps: 0 })).map((seconds) => 1 / seconds)
  expect(speeds.ratio('ours', 'theirs').median).toBe(2)
})
