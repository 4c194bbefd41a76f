import { expect, it } from 'vitest'
import { askedRarely } from '../../../src/chunks/disk/asked-rarely.ts'

function counting(outcomes: readonly (number | Error)[]) {
  let asked = 0
  let now = 0
  const ask = async () => {
    const outcome = outcomes[asked++]!
    if (outcome instanceof Error) throw outcome
    return outcome
  }
  const answer = askedRarely(100, ask, () => now)
  return { answer, at: (ms: number) => (now = ms), asked: () => asked }
}

it('is asked once for all who want to know within the time, and anew after it', async () => {
  const { answer, at, asked } = counting([1, 2, 3])
  expect(await Promise.all([answer(), answer()])).toEqual([1, 1])
  at(99)
  expect(await answer()).toBe(1)
  at(100)
  expect(await answer()).toBe(2)
  at(199)
  expect([await answer(), asked()]).toEqual([2, 2])
})

it('does not repeat a failure', async () => {
  const failure = new Error('the disk is gone')
  const { answer } = counting([failure, 7])
  expect(await Promise.allSettled([answer(), answer()])).toMatchObject([
    { reason: failure },
    { reason: failure },
  ])
  expect(await answer()).toBe(7)
})
