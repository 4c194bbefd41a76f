import { expect, it } from 'vitest'
import type { Value } from './content.ts'
import { History, type States } from './history.ts'
import { Violation } from './violation.ts'

/** A history on a clock that the test moves. */
function newHistory() {
  const clock = { now: 0 }
  const history = new History(() => clock.now)
  const [first, second] = [history.newValue('slate', 1), history.newValue('slate', 2)]
  /** Asked for at one time, and acknowledged at another, unless there is none. */
  const write = (changes: Record<string, Value | undefined>, begunAt: number, endedAt?: number) => {
    clock.now = begunAt
    const operation = history.begin('a write', new Map(Object.entries(changes)))
    if (endedAt === undefined) return
    clock.now = endedAt
    history.end(operation, 'done')
  }
  return { history, first, second, write }
}

const states = (found: Record<string, Value>): States => new Map(Object.entries(found))

it('what is acknowledged may not be lost', () => {
  const { history, first, write } = newHistory()
  write({ a: first }, 1, 2)
  expect(() => history.check(states({}), 2)).toThrow(Violation)
  expect(() => history.check(states({ a: first }), 2)).not.toThrow()
})

it('what is under way may be there or not, before it is begun only not', () => {
  const { history, first, write } = newHistory()
  write({ a: first }, 2, 4)
  for (const found of [{}, { a: first }]) expect(() => history.check(states(found), 3)).not.toThrow()
  expect(() => history.check(states({}), 1)).not.toThrow()
  expect(() => history.check(states({ a: first }), 1)).toThrow(Violation)
})

it('what was replaced or deleted may not be back', () => {
  const { history, first, second, write } = newHistory()
  write({ a: first, b: first }, 1, 2)
  write({ a: second, b: undefined }, 3, 4)
  expect(() => history.check(states({ a: second }), 4)).not.toThrow()
  expect(() => history.check(states({ a: first }), 4)).toThrow(Violation)
  expect(() => history.check(states({ a: second, b: first }), 4)).toThrow(Violation)
})

it('of two at the same time either may have been the last', () => {
  const { history, first, second, write } = newHistory()
  const operation = history.begin('another write', new Map([['a', first]]))
  write({ a: second }, 1, 2)
  history.end(operation, 'done')
  for (const found of [{ a: first }, { a: second }])
    expect(() => history.check(states(found), 2)).not.toThrow()
  expect(() => history.check(states({}), 2)).toThrow(Violation)
})

it('an operation happens to all of its names or to none', () => {
  const { history, first, second, write } = newHistory()
  write({ a: first, b: second }, 1)
  for (const found of [{}, { a: first, b: second }])
    expect(() => history.check(states(found), 1)).not.toThrow()
  expect(() => history.check(states({ a: first }), 1)).toThrow(Violation)
})

it('what was found after a crash stays', () => {
  const { history, first, write } = newHistory()
  write({ a: first, b: first }, 1)
  history.settle(states({}))
  expect(() => history.check(states({ a: first, b: first }), 1)).toThrow(Violation)
  expect(() => history.check(states({}), 1)).not.toThrow()
})

it('nothing is found that was never stored', () => {
  const { history, first } = newHistory()
  expect(() => history.check(states({ a: first }), 1)).toThrow(Violation)
})
