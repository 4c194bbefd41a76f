import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { orAborted, pause } from '../../src/model/abortable.ts'

const forever = 2 ** 31 - 1

it('pause waits for the time it is given', async () => {
  const begun = performance.now()
  await pause(20, new AbortController().signal)
  // Timers are rounded down to whole milliseconds.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(19)
})

it('pause rejects with the reason of an abort, and leaves no timer behind', async () => {
  const reason = new Error('enough')
  await expect(pause(forever, AbortSignal.abort(reason))).rejects.toBe(reason)
  const controller = new AbortController()
  const before = timers()
  const waiting = pause(forever, controller.signal)
  expect(timers()).toBe(before + 1)
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  expect(timers()).toBe(before)
})

it('orAborted settles as the work does, and removes its listener', async () => {
  const { signal } = new AbortController()
  await expect(orAborted(Promise.resolve(1), signal)).resolves.toBe(1)
  const failure = new Error('failed')
  await expect(orAborted(Promise.reject(failure), signal)).rejects.toBe(failure)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('orAborted rejects with the reason of an abort, before and during the work', async () => {
  const never = new Promise<never>(() => {})
  const reason = new Error('enough')
  await expect(orAborted(never, AbortSignal.abort(reason))).rejects.toBe(reason)
  const controller = new AbortController()
  const waiting = orAborted(never, controller.signal)
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}
