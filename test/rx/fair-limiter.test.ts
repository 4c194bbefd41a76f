import {
  config,
  finalize,
  from,
  lastValueFrom,
  mergeMap,
  NEVER,
  ObjectUnsubscribedError,
  Observable,
  of,
  range,
  Subject,
  take,
  timer,
} from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FairLimiter } from '../../src/rx/fair-limiter.ts'
import { marbles } from '../support/marbles.ts'

describe('FairLimiter', () => {
  it(
    'runs as many at once as the limit says, and the next when one has ended',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const work = cold(' --w----|       ')
      const first = '     ^------!       '
      const third = '     -------^------!'
      const expected = '  --(ww)---w----|'
      const limited = new FairLimiter(2).queue()
      expectObservable(from([work, work, work]).pipe(mergeMap(limited))).toBe(expected)
      expectSubscriptions(work.subscriptions).toBe([first, first, third])
    }),
  )

  it(
    'runs one after the other with a limit of 1',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const work = cold(' -w|   ')
      const subs = ['     ^-!   ', '--^-!']
      const expected = '  -w-w| '
      const limited = new FairLimiter(1).queue()
      expectObservable(from([work, work]).pipe(mergeMap(limited))).toBe(expected)
      expectSubscriptions(work.subscriptions).toBe(subs.map((each) => each.trim()))
    }),
  )

  it(
    'lets a queue of one have its turn among a queue of many',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const limiter = new FairLimiter(1)
      const many = limiter.queue()
      const one = limiter.queue()
      const long = cold('   --|           ')
      const short = cold('  -o|           ')
      const longSubs = ['   ^-!           ', '--^-!', '------^-!', '--------^-!']
      const shortSubs = '   ----^-!       '
      const expectedMany = '----------|   '
      const expectedOne = ' -----o|       '
      expectObservable(from([long, long, long, long]).pipe(mergeMap(many))).toBe(expectedMany)
      expectObservable(one(short)).toBe(expectedOne)
      expectSubscriptions(long.subscriptions).toBe(longSubs.map((each) => each.trim()))
      expectSubscriptions(short.subscriptions).toBe(shortSubs.trim())
    }),
  )

  it(
    'lets three queues take turns however they came',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const limiter = new FairLimiter(1)
      const [a, b, c] = [cold('-|'), cold('-|'), cold('-|')]
      expectObservable(from([a, a, a]).pipe(mergeMap(limiter.queue()))).toBe('-----|')
      expectObservable(from([b, b]).pipe(mergeMap(limiter.queue()))).toBe('------|')
      expectObservable(from([c]).pipe(mergeMap(limiter.queue()))).toBe('----|')
      expectSubscriptions(a.subscriptions).toBe(['^!', '-^!', '----^!'])
      expectSubscriptions(b.subscriptions).toBe(['--^!', '-----^!'])
      expectSubscriptions(c.subscriptions).toBe('---^!')
    }),
  )

  it(
    'frees the place of work that fails, and fails nobody else',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const limited = new FairLimiter(1).queue()
      const failing = cold(' --#     ')
      const work = cold('      --w| ')
      const workSubs = '     --^--!  '
      expectObservable(limited(failing)).toBe('--#')
      expectObservable(limited(work)).toBe('----w|')
      expectSubscriptions(work.subscriptions).toBe(workSubs.trim())
    }),
  )

  it(
    'frees the place of work that is unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const limited = new FairLimiter(1).queue()
      const endless = cold(' -a------')
      const left = '         ^--!    '
      const work = cold('       -w|  ')
      const workSubs = '     ---^-!  '
      expectObservable(limited(endless), left).toBe('-a--')
      expectObservable(limited(work)).toBe('----w|')
      expectSubscriptions(endless.subscriptions).toBe(left.trim())
      expectSubscriptions(work.subscriptions).toBe(workSubs.trim())
    }),
  )

  it(
    'never starts what is unsubscribed while it waits, and lets those behind it move up',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const limiter = new FairLimiter(1)
      const limited = limiter.queue()
      const running = cold(' -----|   ')
      const waiting = cold(' -w|      ')
      const left = '         ^--!     '
      const behind = cold('       -w| ')
      const behindSubs = '   -----^-! '
      expectObservable(limited(running)).toBe('-----|')
      expectObservable(limited(waiting), left).toBe('')
      expectObservable(limiter.queue()(waiting), left).toBe('')
      expectObservable(limited(behind)).toBe('------w|')
      expectSubscriptions(waiting.subscriptions).toBe([])
      expectSubscriptions(behind.subscriptions).toBe(behindSubs.trim())
    }),
  )

  it(
    'passes empty work and values through as they are',
    marbles(({ cold, expectObservable }) => {
      const limited = new FairLimiter(1).queue()
      const work = cold('a-(bc)-d|')
      expectObservable(limited(work)).toBe('a-(bc)-d|')
      expectObservable(limited(cold('|'))).toBe('--------|')
    }),
  )

  it('counts running and waiting work', () => {
    const limiter = new FairLimiter(2)
    const [first, second] = [limiter.queue(), limiter.queue()]
    const counts = () => ({ running: limiter.running, waiting: limiter.waiting })
    const subscriptions = [first, first, first, second].map((limited) => limited(NEVER).subscribe())
    expect(counts()).toEqual({ running: 2, waiting: 2 })
    subscriptions[2]?.unsubscribe()
    expect(counts()).toEqual({ running: 2, waiting: 1 })
    subscriptions[0]?.unsubscribe()
    expect(counts()).toEqual({ running: 2, waiting: 0 })
    for (const subscription of subscriptions) subscription.unsubscribe()
    expect(counts()).toEqual({ running: 0, waiting: 0 })
  })

  it('frees the slot of synchronous work, even if its subscriber leaves early', () => {
    const limiter = new FairLimiter(1)
    const limited = limiter.queue()
    const seen: number[] = []
    limited(range(0, 100))
      .pipe(take(2))
      .subscribe((value) => seen.push(value))
    limited(of(7)).subscribe((value) => seen.push(value))
    expect(seen).toEqual([0, 1, 7])
    expect(limiter.running).toBe(0)
  })

  it('does not recurse when a hundred thousand waiting observables end at once', async () => {
    const limiter = new FairLimiter(1)
    const limited = limiter.queue()
    let count = 0
    const first = lastValueFrom(limited(timer(0)))
    const work = new Observable<never>((subscriber) => {
      count++
      subscriber.complete()
    })
    for (let index = 0; index < 100_000; index++) limited(work).subscribe()
    expect(limiter.waiting).toBe(100_000)
    await first
    expect(count).toBe(100_000)
    expect(limiter.running + limiter.waiting).toBe(0)
  })

  it('lets running work start other work of its queue', () => {
    const limiter = new FairLimiter(1)
    const limited = limiter.queue()
    const outer = new Subject<string>()
    const seen: string[] = []
    limited(outer).subscribe({
      next: (value) => limited(of(`${value} inner`)).subscribe((inner) => seen.push(inner)),
      complete: () => seen.push('|'),
    })
    outer.next('a')
    expect(seen).toEqual([])
    outer.complete()
    expect(seen).toEqual(['|', 'a inner'])
  })

  it('lets nothing overtake waiting work, even when started at the end of other work', () => {
    const limited = new FairLimiter(1).queue()
    const running = new Subject<string>()
    const seen: string[] = []
    const note = (value: string) => seen.push(value)
    limited(running).subscribe()
    limited(of('first'))
      .pipe(finalize(() => limited(of('newcomer')).subscribe(note)))
      .subscribe(note)
    limited(of('second')).subscribe(note)
    running.complete()
    expect(seen).toEqual(['first', 'second', 'newcomer'])
  })

  it('starts the next work when subscribing throws', () => {
    const limiter = new FairLimiter(1)
    const limited = limiter.queue()
    const running = new Subject<string>()
    const unsubscribed = new Subject<string>()
    unsubscribed.unsubscribe()
    const seen: unknown[] = []
    limited(running).subscribe()
    limited(unsubscribed).subscribe({ error: (error: unknown) => seen.push(error) })
    limited(of('next')).subscribe((value) => seen.push(value))
    running.complete()
    expect(seen).toEqual([expect.any(ObjectUnsubscribedError), 'next'])
    expect(limiter.running + limiter.waiting).toBe(0)
  })

  it('starts the next work when a teardown throws, and reports the error', async () => {
    const unhandled = Promise.withResolvers<unknown>()
    config.onUnhandledError = unhandled.resolve
    onTestFinished(() => {
      config.onUnhandledError = null
    })
    const limiter = new FairLimiter(1)
    const limited = limiter.queue()
    const running = new Subject<string>()
    const failure = new Error('teardown')
    const seen: string[] = []
    limited(running).subscribe()
    limited(
      new Observable((subscriber) => {
        subscriber.complete()
        return () => {
          throw failure
        }
      }),
    ).subscribe()
    limited(of('next')).subscribe((value) => seen.push(value))
    running.complete()
    expect(seen).toEqual(['next'])
    expect(limiter.running + limiter.waiting).toBe(0)
    expect(await unhandled.promise).toBe(failure)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a limit of %d', (limit) => {
    expect(() => new FairLimiter(limit)).toThrow(RangeError)
  })
})
