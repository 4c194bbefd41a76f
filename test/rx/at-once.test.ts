import { expect, it } from 'vitest'
import { atOnce } from '../../src/rx/at-once.ts'

const turns = (count: number) =>
  Array.from({ length: count }).reduce<Promise<unknown>>(
    (all) => all.then(() => undefined),
    Promise.resolve(),
  )

it('atOnce keeps the order of the items and never exceeds its limit', async () => {
  let running = 0
  let most = 0
  const results = await atOnce([5, 1, 4, 2, 3, 0], 2, async (item) => {
    running += 1
    most = Math.max(most, running)
    await turns(item)
    running -= 1
    return item * 2
  })
  expect(results).toEqual([10, 2, 8, 4, 6, 0])
  expect(most).toBe(2)
})

it('atOnce starts no more work after a failure, ends the iterator, and rejects when running work has settled', async () => {
  const failure = new Error('as planned')
  let isEnded = false
  let running = 0
  const begun: number[] = []
  async function* items() {
    try {
      for (let item = 0; ; item++) yield item
    } finally {
      isEnded = true
    }
  }
  const work = async (item: number) => {
    begun.push(item)
    running += 1
    await turns(item === 1 ? 1 : 20)
    running -= 1
    if (item === 1) throw failure
  }
  await expect(atOnce(items(), 3, work)).rejects.toBe(failure)
  expect({ running, isEnded }).toEqual({ running: 0, isEnded: true })
  expect(begun.length).toBeLessThan(6)
})

it('atOnce resolves at once without items', async () => {
  expect(await atOnce([], 3, turns)).toEqual([])
})

it('atOnce rejects when running work has settled if the items fail', async () => {
  const failure = new Error('as planned')
  let running = 0
  async function* items() {
    yield* [1, 2]
    throw failure
  }
  const work = async () => {
    running += 1
    await turns(20)
    running -= 1
  }
  await expect(atOnce(items(), 3, work)).rejects.toBe(failure)
  expect(running).toBe(0)
})

it('atOnce stores nothing for work without a result', async () => {
  expect(await atOnce([1, 2, 3], 2, async () => undefined)).toHaveLength(0)
})

it('atOnce starts no more work after an abort, and rejects with its reason when running work has settled', async () => {
  const stopping = new AbortController()
  const reason = new Error('stopped')
  const begun: number[] = []
  let running = 0
  const work = async (item: number) => {
    begun.push(item)
    running += 1
    if (item === 2) stopping.abort(reason)
    await turns(10)
    running -= 1
  }
  await expect(atOnce([0, 1, 2, 3, 4, 5], 3, work, stopping.signal)).rejects.toBe(reason)
  expect({ running, begun }).toEqual({ running: 0, begun: [0, 1, 2] })
})
