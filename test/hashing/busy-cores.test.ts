import { expect, it } from 'vitest'
import { BusyCores, threadsFor, type ThreadTimes } from '../../src/hashing/busy-cores.ts'

/**
 * Cores that are told how long the event loop's thread was active, and for how much of that it ran.
 */
function given() {
  let times: ThreadTimes = { active: 1000, running: 900 }
  const cores = new BusyCores(() => times)
  const pass = (active: number, running: number) => {
    times = { active: times.active + active, running: times.running + running }
    return cores.areBusy
  }
  return { pass }
}

it('cores are busy when the event loop waits for one for more than a quarter of its active time', () => {
  const { pass } = given()
  expect(pass(100, 76)).toBe(false)
  expect(pass(100, 74)).toBe(true)
})

it('cores stay busy until the event loop waits for less than a tenth of its active time', () => {
  const { pass } = given()
  expect([pass(100, 50), pass(100, 85), pass(100, 91), pass(100, 85)]).toEqual([true, true, false, false])
})

it('too little active time decides nothing, and is added to the next sample', () => {
  const { pass } = given()
  expect([pass(19, 0), pass(0, 0)]).toEqual([false, false])
  expect(pass(1, 0)).toBe(true)
})

it('threadsFor can fix where blocks are verified', () => {
  expect([threadsFor('threads')(), threadsFor('event-loop')()]).toEqual([true, false])
})
