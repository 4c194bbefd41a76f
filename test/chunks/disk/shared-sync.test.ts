import { expect, it } from 'vitest'
import { sharedSync } from '../../../src/chunks/disk/shared-sync.ts'

/** A sync whose runs end when the test says so. */
function heldSync() {
  const runs: PromiseWithResolvers<void>[] = []
  const sync = sharedSync(() => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    return run.promise
  })
  return { runs, sync }
}

async function isSettled(promise: Promise<void>): Promise<boolean> {
  const pending = Symbol('pending')
  const settled = promise.catch(() => undefined)
  // More turns than any chain of promises in here is long.
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  return (await Promise.race([settled, Promise.resolve(pending)])) !== pending
}

it('runs at once when nothing runs', async () => {
  const { runs, sync } = heldSync()
  const first = sync()
  expect(runs).toHaveLength(1)
  runs[0]!.resolve()
  await first
  const second = sync()
  expect(runs).toHaveLength(2)
  expect(await isSettled(second)).toBe(false)
  runs[1]!.resolve()
  await expect(second).resolves.toBeUndefined()
})

it('never settles a call by a run that started before it', async () => {
  const { runs, sync } = heldSync()
  const first = sync()
  const late = [sync(), sync(), sync()]
  expect(runs).toHaveLength(1)
  runs[0]!.resolve()
  await first
  expect(await isSettled(late[0]!)).toBe(false)
  expect(runs).toHaveLength(2)
  runs[1]!.resolve()
  await Promise.all(late)
  expect(runs).toHaveLength(2)
})

it('starts a third run for calls made during the second', async () => {
  const { runs, sync } = heldSync()
  const first = sync()
  const second = sync()
  runs[0]!.resolve()
  await first
  expect(await isSettled(second)).toBe(false)
  const third = [sync(), sync()]
  expect(runs).toHaveLength(2)
  runs[1]!.resolve()
  await second
  expect(await isSettled(third[0]!)).toBe(false)
  expect(runs).toHaveLength(3)
  runs[2]!.resolve()
  await Promise.all(third)
  expect(runs).toHaveLength(3)
})

it('fails exactly the calls that waited for the failed run', async () => {
  const { runs, sync } = heldSync()
  const failure = new Error('the disk is gone')
  const first = sync()
  const waiting = Promise.allSettled([sync(), sync()])
  runs[0]!.reject(failure)
  await expect(first).rejects.toBe(failure)
  runs[1]!.resolve()
  expect(await waiting).toEqual([
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: undefined },
  ])
  const failing = Promise.allSettled([sync()])
  const fine = sync()
  runs[2]!.reject(failure)
  expect(await failing).toEqual([{ status: 'rejected', reason: failure }])
  expect(await isSettled(fine)).toBe(false)
  runs[3]!.resolve()
  await fine
})
