import {
  concatMap,
  EMPTY,
  every,
  from,
  lastValueFrom,
  map,
  Observable,
  of,
  range,
  Subject,
  timer,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'
import { Pulled } from '../../src/rx/pulled.ts'

const just = <T>(value: T): Observable<T> => of(value)
const later = (value: number) => Promise.resolve(value)
const firstLater = (value: number) => (value === 0 ? timer(0).pipe(map(() => value)) : of(value))
const onlyFirstLater = (value: number) => (value === 0 ? timer(0) : EMPTY)
const threeFrom = (value: number) => range(10 * value, 3)

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
  /**
   * With the large bound all of them stand in the operator's own queue, which costs more for each
   * the longer it is.
   */
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
