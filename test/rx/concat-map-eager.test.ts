import { EMPTY, NEVER, Observable, of } from 'rxjs'
import { describe, it } from 'vitest'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'
import { marbles } from '../support/marbles.ts'

const just = <T>(value: T): Observable<T> => of(value)
const allButOne = (result: string) => (result === '1' ? EMPTY : of(result))
const pairAt = (_: string, index: number) => [2 * index, 2 * index + 1]

describe('concatMapEager', () => {
  it(
    'reads side by side and emits in the order of the source',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('-ab-|        ')
      const subs = '      ^---!        '
      const a = cold('     -----(1|)   ')
      const b = cold('      -(2|)      ')
      const aSubs = '     -^----!      '
      const bSubs = '     --^!         '
      const expected = '  ------(12|)  '
      const reads = { a, b }
      const result = source.pipe(concatMapEager(2, (key) => reads[key as 'a' | 'b'], just))
      expectObservable(result).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
    }),
  )

  it(
    'passes on what a read emits as it comes, once it is its turn',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('(ab|)           ')
      const a = cold('    --1--2--|       ')
      const b = cold('    -3-4--------5-| ')
      const expected = '  --1--2--(34)5-| '
      const reads = { a, b }
      expectObservable(source.pipe(concatMapEager(2, (key) => reads[key as 'a' | 'b'], just))).toBe(expected)
    }),
  )

  it(
    'writes one at a time, the next when the one before has ended',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(ab|)       ')
      const write = cold('---w-|      ')
      const first = '     ^----!      '
      const second = '    -----^----! '
      const expected = '  ---w----w-| '
      expectObservable(source.pipe(concatMapEager(2, just, () => write))).toBe(expected)
      expectSubscriptions(write.subscriptions).toBe([first, second])
    }),
  )

  it(
    'holds a value from the start of its read to the end of its write, and no more than the bound',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(abc|)          ')
      const a = cold('    --(x|)          ')
      const b = cold('    -(x|)           ')
      const c = cold('         -(x|)      ')
      const write = cold('  ---|          ')
      const cSubs = '     -----^!         '
      const writes = ['   --^--!          ', '-----^--!', '--------^--!']
      const expected = '  -----------|    '
      const reads = { a, b, c }
      const result = source.pipe(
        concatMapEager(
          2,
          (key) => reads[key as 'a' | 'b' | 'c'],
          () => write,
        ),
      )
      expectObservable(result).toBe(expected)
      expectSubscriptions(c.subscriptions).toBe(cSubs)
      expectSubscriptions(write.subscriptions).toBe(writes.map((subs) => subs.trim()))
    }),
  )

  it(
    'is concatMap with a bound of 1',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('ab--------|      ')
      const read = cold(' --(r|)           ')
      const write = cold('  -(w|)          ')
      const first = '     ^-!              '
      const second = '    ---^-!           '
      const expected = '  ---w--w---|      '
      expectObservable(
        source.pipe(
          concatMapEager(
            1,
            () => read,
            () => write,
          ),
        ),
      ).toBe(expected)
      expectSubscriptions(read.subscriptions).toBe([first, second])
    }),
  )

  it(
    'starts everything at once if the bound exceeds the source',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(abc|)    ')
      const read = cold(' --(r|)    ')
      const subs = '      ^-!       '
      const expected = '  --(rrr|)  '
      expectObservable(source.pipe(concatMapEager(100, () => read, just))).toBe(expected)
      expectSubscriptions(read.subscriptions).toBe([subs, subs, subs])
    }),
  )

  it(
    'completes with an empty source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('---|')
      const subs = '       ^--!'
      const expected = '   ---|'
      expectObservable(source.pipe(concatMapEager(2, just, just))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'stays open with a source that never ends, and with a read and a write that never do',
    marbles(({ hot, expectObservable }) => {
      const source = hot('-a-b----')
      const expected = '  -a-b----'
      expectObservable(source.pipe(concatMapEager(2, just, just))).toBe(expected)
      const ending = hot('-a-b-|  ')
      const read = '      --------'
      expectObservable(ending.pipe(concatMapEager(2, () => NEVER, just))).toBe(read)
      const write = '     --------'
      expectObservable(ending.pipe(concatMapEager(2, just, () => NEVER))).toBe(write)
    }),
  )

  it(
    'passes over a read and a write that emit nothing',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('(abc|)      ')
      const a = cold('    --|         ')
      const b = cold('    -(1|)       ')
      const c = cold('    ---(2|)     ')
      const expected = '  ---(2|)     '
      const reads = { a, b, c }
      expectObservable(
        source.pipe(concatMapEager(3, (key) => reads[key as 'a' | 'b' | 'c'], allButOne)),
      ).toBe(expected)
    }),
  )

  it(
    'passes values, indices, promises and arrays through like other operators',
    marbles(({ cold, expectObservable }) => {
      const source = cold('(ab|)       ')
      const expected = '   (abcdefgh|) '
      const letters = [
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'f'],
        ['g', 'h'],
      ]
      expectObservable(source.pipe(concatMapEager(2, pairAt, (at) => letters[at] ?? []))).toBe(expected)
    }),
  )
})
