import { expect, it } from 'vitest'
import { runningClock } from '../../../src/chunks/wrappers/clock.ts'

const never = 2 ** 31 - 1

it('waits as long as it is told', async () => {
  const begun = runningClock.now()
  await runningClock.wait(20, new AbortController().signal)
  // Timers are rounded down to whole milliseconds.
  expect(runningClock.now() - begun).toBeGreaterThanOrEqual(19)
})

it('gives up waiting with the reason, before and meanwhile, and leaves nothing behind', async () => {
  const reason = new Error('enough')
  await expect(runningClock.wait(never, AbortSignal.abort(reason))).rejects.toBe(reason)
  const controller = new AbortController()
  const before = timers()
  const waiting = runningClock.wait(never, controller.signal)
  expect(timers()).toBe(before + 1)
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  expect(timers()).toBe(before)
})

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}
