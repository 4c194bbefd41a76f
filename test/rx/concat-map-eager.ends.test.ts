import { Observable, of, range, take, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'
import { marbles } from '../support/marbles.ts'

const just = <T>(value: T): Observable<T> => of(value)
const refuse = () => {
  throw new Error('refused')
}

describe('concatMapEager, when something fails,', () => {
  it(
    'reports a failed read at its place, and ends the reads behind it',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(abc|)      ')
      const a = cold('    ----(1|)    ')
      const b = cold('    -#          ')
      const c = cold('    --2---------')
      const bSubs = '     ^!          '
      const cSubs = '     ^-----!     '
      const write = cold('    -w|     ')
      const expected = '  -----w#     '
      const reads = { a, b, c }
      const result = source.pipe(
        concatMapEager(
          3,
          (key) => reads[key as 'a' | 'b' | 'c'],
          () => write,
        ),
      )
      expectObservable(result).toBe(expected)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
      expectSubscriptions(c.subscriptions).toBe(cSubs)
      expectSubscriptions(write.subscriptions).toBe('----^-!')
    }),
  )

  it(
    'reports the earlier of two failed reads, whichever failed first',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('(ab|)    ')
      const a = cold('    ---#     ', undefined, 'a failed')
      const b = cold('    -#       ', undefined, 'b failed')
      const expected = '  ---#     '
      const reads = { a, b }
      expectObservable(source.pipe(concatMapEager(2, (key) => reads[key as 'a' | 'b'], just))).toBe(
        expected,
        undefined,
        'a failed',
      )
    }),
  )

  it(
    'writes what a read emitted before it failed',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('(ab|)     ')
      const a = cold('    ----|     ')
      const b = cold('    -1-#      ')
      const expected = '  ----(1#)  '
      const reads = { a, b }
      expectObservable(source.pipe(concatMapEager(2, (key) => reads[key as 'a' | 'b'], just))).toBe(expected)
    }),
  )

  it(
    'reports a failed write at once, and ends all reads',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(abc)-------')
      const subs = '      ^--!        '
      const a = cold('    -(1|)       ')
      const b = cold('    ------------')
      const write = cold(' --#        ')
      const bSubs = '     ^--!        '
      const expected = '  ---#        '
      const reads = { a, b, c: b }
      const result = source.pipe(
        concatMapEager(
          2,
          (key) => reads[key as 'a' | 'b' | 'c'],
          () => write,
        ),
      )
      expectObservable(result).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
    }),
  )

  it(
    'reports a failed source at once, and ends reads and the current write',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(ab)---#    ')
      const a = cold('    -(1|)       ')
      const b = cold('    ------------')
      const write = cold(' -w---------')
      const bSubs = '     ^------!    '
      const writeSubs = ' -^-----!    '
      const expected = '  --w----#    '
      const reads = { a, b }
      const result = source.pipe(
        concatMapEager(
          2,
          (key) => reads[key as 'a' | 'b'],
          () => write,
        ),
      )
      expectObservable(result).toBe(expected)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
      expectSubscriptions(write.subscriptions).toBe(writeSubs.trim())
    }),
  )

  it(
    'reports a read that throws at its place',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('(ab|)     ')
      const a = cold('    ---(1|)   ')
      const expected = '  ---(1#)   '
      const read = (key: string) => {
        if (key === 'b') throw new Error('refused')
        return a
      }
      expectObservable(source.pipe(concatMapEager(2, read, just))).toBe(
        expected,
        undefined,
        new Error('refused'),
      )
    }),
  )

  it(
    'reports a write that throws at once, and ends all reads',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(ab|)     ')
      const a = cold('    -(1|)     ')
      const b = cold('    ----------')
      const bSubs = '     ^!        '
      const expected = '  -#        '
      const reads = { a, b }
      expectObservable(source.pipe(concatMapEager(2, (key) => reads[key as 'a' | 'b'], refuse))).toBe(
        expected,
        undefined,
        new Error('refused'),
      )
      expectSubscriptions(b.subscriptions).toBe(bSubs)
    }),
  )

  it('starts no read once a failure was reported', () => {
    const started: number[] = []
    const read = (value: number) => {
      started.push(value)
      return value === 1 ? throwError(() => new Error('lost')) : of(value)
    }
    range(0, 100)
      .pipe(concatMapEager(2, read, just))
      .subscribe({ error: () => {} })
    expect(started).toEqual([0, 1])
  })
})

describe('concatMapEager, when unsubscribed early,', () => {
  it(
    'ends the source, all reads and the current write',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('(abc)-------')
      const a = cold('    -(1|)       ')
      const b = cold('    ------------')
      const write = cold(' -w---------')
      const subs = '      ^---!       '
      const writeSubs = ' -^--!       '
      const expected = '  --w--       '
      const reads = { a, b, c: b }
      const result = source.pipe(
        concatMapEager(
          2,
          (key) => reads[key as 'a' | 'b' | 'c'],
          () => write,
        ),
      )
      expectObservable(result, subs).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(b.subscriptions).toBe(subs)
      expectSubscriptions(write.subscriptions).toBe(writeSubs.trim())
    }),
  )

  it('starts neither a read nor a write any more, and opens no slot', () => {
    const calls: string[] = []
    const read = (value: number) => {
      calls.push(`read ${value}`)
      return of(value)
    }
    const write = (value: number) => {
      calls.push(`write ${value}`)
      return of(value)
    }
    let slots = 0
    range(0, 100)
      .pipe(
        concatMapEager(3, read, write, () => slots++),
        take(2),
      )
      .subscribe()
    expect(calls).toEqual(['read 0', 'write 0', 'read 1', 'write 1'])
    expect(slots).toBeLessThanOrEqual(3 + 1)
  })
})
