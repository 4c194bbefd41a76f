import { describe, expect, it } from 'vitest'
import { NameConflicts } from '../../../src/cli/transfer/name-conflicts.ts'

/** The names that cannot be beside those before them. */
function refused(names: readonly string[], ignoresCase: boolean): readonly string[] {
  const conflicts = new NameConflicts({ ignoresCase })
  return names.filter((name) => conflicts.of(name) !== undefined)
}

describe('a name that is both file and folder', () => {
  it.each([
    [['a', 'a/b'], ['a/b']],
    [
      ['a', 'a-b', 'a.b', 'a/b', 'a/c/d', 'ab'],
      ['a/b', 'a/c/d'],
    ],
    [['a/b', 'a/b/c/d'], ['a/b/c/d']],
    [['a', 'aa', 'aa/b'], ['aa/b']],
    [['a', 'ab/c', 'b'], []],
  ])('of %j: %j', (names, expected) => {
    expect(refused(names, false)).toEqual(expected)
  })
})

describe('names that differ in case alone', () => {
  it.each([
    [['A', 'a'], ['a']],
    [['A/x', 'a/y'], ['a/y']],
    [['A/x', 'A/y', 'B'], []],
    [['\u00C4', 'A\u0308'], ['A\u0308']],
  ])('of %j: %j', (names, expected) => {
    expect(refused(names, true)).toEqual(expected)
    expect(refused(names, false)).toEqual([])
  })
})
