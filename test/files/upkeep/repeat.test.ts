import { expect, it } from 'vitest'
import { repeat } from '../../../src/files/upkeep/repeat.ts'

/** Waits until it is told to go on. */
function steps() {
  const waits: { readonly ms: number; readonly next: () => void }[] = []
  const wait = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.throwIfAborted()
      signal.addEventListener('abort', () => reject(signal.reason))
      waits.push({ ms, next: resolve })
    })
  return { waits, clock: { wait } }
}

it('does the work again after each pause, and reports what fails', async () => {
  const { waits, clock } = steps()
  const failure = new Error('as planned')
  const reported: unknown[] = []
  let done = 0
  const work = async () => {
    done += 1
    if (done === 2) throw failure
  }
  const repeating = repeat(work, 70, (error) => reported.push(error), clock)
  for (const count of [1, 2, 3]) {
    await expect.poll(() => waits.length).toBe(count)
    expect({ done, ms: waits.at(-1)!.ms }).toEqual({ done: count, ms: 70 })
    waits.at(-1)!.next()
  }
  await repeating.stop()
  expect(reported).toEqual([failure])
})

it('aborts the work when it is stopped, waits for its end, and does not report that', async () => {
  const { clock } = steps()
  const reported: unknown[] = []
  let isOver = false
  const work = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () =>
        setImmediate(() => {
          isOver = true
          reject(signal.reason)
        }),
      )
    })
  const repeating = repeat(work, 1, (error) => reported.push(error), clock)
  await repeating.stop()
  expect({ isOver, reported }).toEqual({ isOver: true, reported: [] })
})

it('cuts a pause short when it is stopped', async () => {
  const { waits, clock } = steps()
  const repeating = repeat(
    async () => {},
    1_000_000,
    () => {},
    clock,
  )
  await expect.poll(() => waits.length).toBe(1)
  await repeating.stop()
  expect(waits.length).toBe(1)
})
