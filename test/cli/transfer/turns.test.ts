import { expect, it } from 'vitest'
import { turns } from '../../../src/cli/transfer/turns.ts'

it('does so many at once, the others in the order in which they came, whatever fails', async () => {
  const inTurn = turns(2)
  const begun: number[] = []
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<number>())
  const all = ends.map(({ promise }, at) =>
    inTurn(() => {
      begun.push(at)
      return promise
    }),
  )
  expect(begun).toEqual([0, 1])
  ends[1]?.reject(new Error('failed'))
  await expect(all[1]).rejects.toThrow('failed')
  await expect.poll(() => begun).toEqual([0, 1, 2])
  for (const [at, { resolve }] of ends.entries()) resolve(at)
  expect(await Promise.allSettled(all).then((ended) => ended.map(({ status }) => status))).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ])
  expect(begun).toEqual([0, 1, 2, 3, 4])
})
