import { expect, it } from 'vitest'
import { DrainGate } from '../../../src/chunks/wrappers/drain-gate.ts'

it('closes when the last call inside has settled, however it settles', async () => {
  const gate = new DrainGate()
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<never>()]
  const calls = Promise.allSettled([gate.run(() => first.promise), gate.run(() => second.promise)])
  let isClosed = false
  const closed = gate.close().then(() => (isClosed = true))
  first.resolve('done')
  await first.promise
  await Promise.resolve()
  expect(isClosed).toBe(false)
  second.reject(new Error('failed'))
  await closed
  expect(await calls).toMatchObject([
    { status: 'fulfilled', value: 'done' },
    { status: 'rejected', reason: { message: 'failed' } },
  ])
})

it('does not call what comes after it was closed', async () => {
  const gate = new DrainGate()
  await gate.close()
  let calls = 0
  const late = gate.run(async () => (calls += 1))
  await expect(late).rejects.toMatchObject({ code: 'unavailable' })
  expect(calls).toBe(0)
})
