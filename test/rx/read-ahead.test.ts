import { lastValueFrom, NEVER, of, toArray } from 'rxjs'
import { expect, it } from 'vitest'
import { readAhead } from '../../src/rx/read-ahead.ts'

function counted(count: number) {
  const seen = { taken: 0, isReturned: false }
  function* values() {
    try {
      for (let value = 0; value < count; value++) {
        seen.taken += 1
        yield value
      }
    } finally {
      seen.isReturned = true
    }
  }
  return { seen, values: values() }
}

async function afterTurns(turn: number): Promise<number> {
  for (let waited = 0; waited < turn; waited++) await Promise.resolve()
  return turn
}

it('readAhead takes no more values than it has slots, however fast the iterable is', () => {
  const { seen, values } = counted(100)
  const subscription = readAhead(values, 3, () => NEVER, of).subscribe()
  expect(seen).toEqual({ taken: 3, isReturned: false })
  subscription.unsubscribe()
  expect(seen).toEqual({ taken: 3, isReturned: true })
})

it('readAhead writes in the order of the iterable, whichever read ends first', async () => {
  const turns = [5, 1, 3, 0, 2, 4]
  const written = readAhead(turns, 4, afterTurns, (turn) => of(turn * 10))
  expect(await lastValueFrom(written.pipe(toArray()))).toEqual(turns.map((turn) => turn * 10))
})

it('readAhead takes nothing before a subscription, and starts over for each one', async () => {
  let begun = 0
  const values = {
    *[Symbol.iterator]() {
      begun += 1
      yield 1
    },
  }
  const written = readAhead(values, 2, of, of)
  expect(begun).toBe(0)
  await lastValueFrom(written)
  await lastValueFrom(written)
  expect(begun).toBe(2)
})

it('readAhead reports a failure of the iterable', async () => {
  const failure = new Error('as planned')
  async function* values() {
    yield 1
    throw failure
  }
  await expect(lastValueFrom(readAhead(values(), 2, of, of))).rejects.toBe(failure)
})
