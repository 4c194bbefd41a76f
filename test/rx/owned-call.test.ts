import { expect, it, vi } from 'vitest'
import { FairLimiter } from '../../src/rx/fair-limiter.ts'
import { ownedCall } from '../../src/rx/owned-call.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

function given() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const release = vi.fn<() => void>()
  const succeeded = vi.fn<(result: string, isWanted: boolean) => void>()
  const signals: AbortSignal[] = []
  const call = (signal: AbortSignal) => {
    signals.push(signal)
    return promise
  }
  const limiter = new FairLimiter(1)
  return { owned: { call, release, succeeded }, limiter, release, succeeded, signals, resolve, reject }
}

it('ownedCall emits the result of the call, and does not abort it', async () => {
  const { owned, limiter, release, succeeded, signals, resolve } = given()
  const seen: unknown[] = []
  ownedCall(limiter.queue(), owned).subscribe({
    next: (value) => seen.push(value),
    complete: () => seen.push('end'),
  })
  resolve('read')
  await settled()
  expect(seen).toEqual(['read', 'end'])
  expect(succeeded.mock.calls).toEqual([['read', true]])
  expect(release).not.toHaveBeenCalled()
  expect(signals[0]!.aborted).toBe(false)
})

it('ownedCall releases once when the call fails', async () => {
  const { owned, limiter, release, succeeded, reject } = given()
  const failure = new Error('as planned')
  const seen: unknown[] = []
  ownedCall(limiter.queue(), owned).subscribe({ error: (error) => seen.push(error) })
  reject(failure)
  await settled()
  expect(seen).toEqual([failure])
  expect(release).toHaveBeenCalledTimes(1)
  expect(succeeded).not.toHaveBeenCalled()
})

it('ownedCall releases at once and never calls when it is unsubscribed before its turn', () => {
  const first = given()
  const { owned, release, signals } = given()
  ownedCall(first.limiter.queue(), first.owned).subscribe()
  const waiting = ownedCall(first.limiter.queue(), owned).subscribe()
  expect(release).not.toHaveBeenCalled()
  waiting.unsubscribe()
  expect(release).toHaveBeenCalledTimes(1)
  expect(signals).toEqual([])
})

it.each([
  ['succeeds', 1, 0],
  ['fails', 0, 1],
])(
  'keeps what a begun call owns until the call %s, though nobody waits any more',
  async (end, successes, releases) => {
    const { owned, limiter, release, succeeded, signals, resolve, reject } = given()
    ownedCall(limiter.queue(), owned).subscribe().unsubscribe()
    expect(signals[0]!.aborted).toBe(true)
    expect(release).not.toHaveBeenCalled()
    if (end === 'succeeds') resolve('read')
    else reject(new Error('aborted'))
    await settled()
    expect(succeeded.mock.calls).toEqual(Array.from({ length: successes }, () => ['read', false]))
    expect(release).toHaveBeenCalledTimes(releases)
  },
)
