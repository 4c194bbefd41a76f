import { describe, expect, it } from 'vitest'
import { LawRun, reference, type Plan } from './law-run.ts'

/**
 * Runs the operator once for every order in which its reads, its writes and the failure can happen,
 * and gives the number of these. Nothing is pruned: a run is cheap, so each begins anew and replays
 * the choices made before.
 */
function exploreAll(plan: Plan): number {
  const expected = reference(plan)
  let choices: number[] | undefined = []
  let runs = 0
  while (choices) {
    runs++
    choices = nextChoices(explore(plan, expected, choices))
  }
  return runs
}

interface Taken {
  readonly choice: number
  readonly of: number
}

/** Takes the choices given and then always the first. */
function explore(plan: Plan, expected: readonly string[], choices: readonly number[]): Taken[] {
  const run = new LawRun(plan, expected)
  const taken: Taken[] = []
  try {
    for (let open = run.choices(); open.length > 0; open = run.choices()) {
      const choice = choices[taken.length] ?? 0
      taken.push({ choice, of: open.length })
      open[choice]?.()
    }
  } catch (error) {
    const path = taken.map(({ choice }) => choice).join(' ')
    throw new Error(`${JSON.stringify(plan)}, choices ${path}`, { cause: error })
  }
  return taken
}

/** The choices that come next in alphabetical order. */
function nextChoices(taken: readonly Taken[]): number[] | undefined {
  const at = taken.findLastIndex(({ choice, of }) => choice + 1 < of)
  if (at === -1) return undefined
  return taken.slice(0, at + 1).map(({ choice }, index) => (index === at ? choice + 1 : choice))
}

const bounds = [1, 2, 3, 4]
const fiveReads = { inners: 5, results: 1, endsApart: false }
const twoLongReads = { inners: 2, results: 3, endsApart: true }

describe('concatMapEager keeps its law in every order of reads and writes,', () => {
  it.each(bounds)('with up to five reads of one result, bound %d', (bound) => {
    const runs = [0, 1, 2, 3, 4, 5].map((inners) => exploreAll({ ...fiveReads, inners, bound }))
    // Without a bound n reads and their writes have 1 × 3 × … × (2n − 1) orders.
    const unbounded = [1, 1, 3, 15, 105, 945]
    expect(runs.slice(0, bound + 1)).toEqual(unbounded.slice(0, bound + 1))
    expect(runs.at(-1)).toBeLessThan(945)
  })

  it.each([
    { bound: 1, runs: 1 },
    { bound: 4, runs: 24 },
  ])('with reads that emit nothing, bound $bound', ({ bound, runs }) => {
    expect(exploreAll({ inners: 4, bound, results: 0, endsApart: true })).toBe(runs)
  })

  it.each([
    { bound: 1, runs: 8 },
    { bound: 2, runs: 484 },
    { bound: 3, runs: 2160 },
  ])('with three reads of two results, bound $bound', ({ bound, runs }) => {
    expect(exploreAll({ inners: 3, bound, results: 2, endsApart: false })).toBe(runs)
  })

  it.each([
    { bound: 1, runs: 14 ** 2 },
    { bound: 2, runs: 12_740 },
  ])('with two reads of three results that end later, bound $bound', ({ bound, runs }) => {
    expect(exploreAll({ ...twoLongReads, bound })).toBe(runs)
  })
})

describe('concatMapEager keeps its law in every order, whatever fails:', () => {
  it.each(bounds)('any of the reads, bound %d', (bound) => {
    for (const index of [0, 1, 2, 3, 4]) {
      const plan = { ...fiveReads, bound, failure: `read ${index}` }
      expect(() => exploreAll(plan)).not.toThrow()
    }
  })

  it.each(bounds)('any of the writes, bound %d', (bound) => {
    for (const index of [0, 1, 2, 3, 4]) {
      const plan = { ...fiveReads, bound, failure: `write ${index}.0` }
      expect(() => exploreAll(plan)).not.toThrow()
    }
  })

  it.each([0, 1, 2])('write %d of several, with two reads', (at) => {
    for (const index of [0, 1]) {
      const plan = { ...twoLongReads, bound: 2, failure: `write ${index}.${at}` }
      expect(() => exploreAll(plan)).not.toThrow()
    }
  })

  it.each(bounds)('the source, at any time after any number of values, bound %d', (bound) => {
    for (const inners of [0, 1, 2, 3, 4, 5]) {
      const plan = { ...fiveReads, inners, bound, failure: 'source' }
      expect(() => exploreAll(plan)).not.toThrow()
    }
  })
})
