import {
  concatMap,
  EMPTY,
  every,
  from,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'
import { Pulled } from '../../src/rx/pulled.ts'
import { marbles } from '../support/marbles.ts'

/* oxlint-disable vitest/expect-expect -- what a diagram says is asserted by expectObservable and expectSubscriptions */

const just = <T>(value: T): Observable<T> => of(value)
const later = (value: number) => Promise.resolve(value)
const firstLater = (value: number) => (value === 0 ? timer(0).pipe(map(() => value)) : of(value))
const onlyFirstLater = (value: number) => (value === 0 ? timer(0) : EMPTY)
const allButOne = (result: string) => (result === '1' ? EMPTY : of(result))
const pairAt = (_: string, index: number) => [2 * index, 2 * index + 1]
const threeFrom = (value: number) => range(10 * value, 3)
const refuse = () => {
  throw new Error('refused')
}

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

describe('concatMapEager, bound and slots:', () => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a bound of %d', (bound) => {
    expect(() => concatMapEager(bound, just, just)).toThrow(RangeError)
  })

  it('opens as many slots as the bound upon subscription, then one for each that closes', () => {
    const source = new Subject<Subject<string>>()
    const writes: Subject<string>[] = []
    const write = () => {
      const written = new Subject<string>()
      writes.push(written)
      return written
    }
    let slots = 0
    const pipeline = source.pipe(
      concatMapEager(
        3,
        (read) => read,
        write,
        () => slots++,
      ),
    )
    expect(slots).toBe(0)
    pipeline.subscribe()
    expect(slots).toBe(3)
    const [first, second] = [new Subject<string>(), new Subject<string>()]
    source.next(first)
    source.next(second)
    second.next('second')
    second.complete()
    expect(slots).toBe(3)
    first.complete()
    expect(slots).toBe(4)
    writes[0]?.complete()
    expect(slots).toBe(5)
  })

  it('never lets the queue of a pulled source grow', async () => {
    let pulledNumbers = 0
    let written = 0
    let most = 0
    function* numbers(): Generator<number> {
      for (let number = 0; number < 100; number++) {
        pulledNumbers++
        most = Math.max(most, pulledNumbers - written)
        yield number
      }
    }
    const source = new Pulled(numbers())
    const write = (value: number) => {
      written++
      return of(value)
    }
    await lastValueFrom(source.pipe(concatMapEager(4, later, write, source.pull)))
    expect(written).toBe(100)
    expect(most).toBe(4)
  })

  it('can be subscribed several times, each by itself', () => {
    const pipeline = range(0, 5).pipe(concatMapEager(2, just, just))
    const results: number[][] = [[], []]
    for (const each of results) pipeline.subscribe((value) => each.push(value))
    expect(results).toEqual([
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ])
  })
})

describe('concatMapEager and synchronous inners:', () => {
  /** With the large bound all of them stand in the operator's own queue, which costs more for each the longer it is. */
  const cases = [
    { many: 100_000, bound: 1 },
    { many: 100_000, bound: 5 },
    { many: 10_000, bound: 20_000 },
  ]

  it.each(cases)(
    '$many behind an asynchronous read do not recurse, bound $bound',
    async ({ many, bound }) => {
      const source = new Pulled(Array.from({ length: many }, (_, index) => index))
      let count = 0
      const inOrder = source.pipe(
        concatMapEager(bound, firstLater, just, source.pull),
        every((value) => value === count++),
      )
      await expect(lastValueFrom(inOrder)).resolves.toBe(true)
      expect(count).toBe(many)
    },
  )

  it.each(cases)(
    '$many behind an asynchronous write do not recurse, bound $bound',
    async ({ many, bound }) => {
      const source = new Pulled(Array.from({ length: many }, (_, index) => index))
      let count = 0
      const inOrder = source.pipe(
        concatMapEager(bound, just, firstLater, source.pull),
        every((value) => value === count++),
      )
      await expect(lastValueFrom(inOrder)).resolves.toBe(true)
      expect(count).toBe(many)
    },
  )

  it('ten thousand empty reads behind an asynchronous one do not recurse', async () => {
    const result = lastValueFrom(
      range(0, 10_000).pipe(concatMapEager(20_000, onlyFirstLater, () => just('written'))),
    )
    await expect(result).resolves.toBe('written')
  })

  it('keeps what a write makes a read emit behind what the read has emitted before', () => {
    const read = new Subject<string>()
    const write = (result: string) =>
      new Observable<string>((subscriber) => {
        subscriber.next(result)
        if (result === 'a') read.next('c')
        subscriber.complete()
      })
    const first = new Subject<string>()
    const seen: string[] = []
    from([first, read])
      .pipe(concatMapEager(2, (inner) => inner, write))
      .subscribe((value) => seen.push(value))
    read.next('a')
    read.next('b')
    first.complete()
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  it('can stand inside another one', () => {
    const inner = (value: number) => threeFrom(value).pipe(concatMapEager(2, just, just))
    const seen: number[] = []
    range(0, 3)
      .pipe(concatMapEager(2, inner, just))
      .subscribe((value) => seen.push(value))
    const reference: number[] = []
    range(0, 3)
      .pipe(concatMap(threeFrom))
      .subscribe((value) => reference.push(value))
    expect(seen).toEqual(reference)
  })
})
