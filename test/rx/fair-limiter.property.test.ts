import fc from 'fast-check'
import { defer, Subject, type Subscription } from 'rxjs'
import { expect, it } from 'vitest'
import { FairLimiter, type Limited } from '../../src/rx/fair-limiter.ts'
import { runs } from '../support/runs.ts'

interface Job {
  readonly queue: Queue
  readonly work: Subject<void>
  subscription?: Subscription
}

interface Queue {
  readonly limited: Limited
  readonly waiting: Job[]
  /** Ticks of the run: when somebody came to an empty queue, and when somebody was started last. */
  waitingSince: number
  startedAt: number
}

/** Does with a limiter what it is told to, and notes which promises it breaks. */
class LimiterRun {
  readonly broken = new Set<string>()
  readonly #limiter: FairLimiter
  readonly #limit: number
  readonly #queues: readonly Queue[]
  readonly #running: Job[] = []
  #tick = 0

  constructor(limit: number, queues: number) {
    this.#limiter = new FairLimiter(limit)
    this.#limit = limit
    this.#queues = Array.from({ length: queues }, () => ({
      limited: this.#limiter.queue(),
      waiting: [],
      waitingSince: 0,
      startedAt: 0,
    }))
  }

  subscribe(at: number): void {
    const queue = this.#queues[at % this.#queues.length]
    if (!queue) return
    const job: Job = { queue, work: new Subject() }
    if (queue.waiting.length === 0) queue.waitingSince = ++this.#tick
    queue.waiting.push(job)
    const work = defer(() => {
      this.#start(job)
      return job.work
    })
    job.subscription = queue.limited(work).subscribe({ error: () => {} })
  }

  end(at: number, how: 'complete' | 'error' | 'unsubscribe'): void {
    const job = this.#running[at % this.#running.length]
    if (!job) return
    this.#running.splice(this.#running.indexOf(job), 1)
    if (how === 'unsubscribe') job.subscription?.unsubscribe()
    else if (how === 'error') job.work.error(new Error('failed'))
    else job.work.complete()
  }

  giveUp(at: number): void {
    const waiting = this.#queues.flatMap((queue) => queue.waiting)
    const job = waiting[at % waiting.length]
    if (!job) return
    job.queue.waiting.splice(job.queue.waiting.indexOf(job), 1)
    job.subscription?.unsubscribe()
  }

  endAll(): void {
    while (this.#running.length > 0) this.end(0, 'complete')
  }

  check(): void {
    const waiting = this.#queues.reduce((sum, queue) => sum + queue.waiting.length, 0)
    this.#ensure(this.#limiter.running === this.#running.length, 'counts what runs')
    this.#ensure(this.#limiter.waiting === waiting, 'counts what waits')
    this.#ensure(waiting === 0 || this.#running.length === this.#limit, 'leaves no place empty')
  }

  #ensure(condition: boolean, promise: string): void {
    if (!condition) this.broken.add(promise)
  }

  #start(job: Job): void {
    const { queue } = job
    this.#ensure(queue.waiting.shift() === job, 'serves a queue in its order')
    this.#running.push(job)
    this.#ensure(this.#running.length <= this.#limit, 'keeps the limit')
    for (const other of this.#queues) {
      const hasWaited = other !== queue && other.waiting.length > 0 && other.waitingSince < queue.startedAt
      this.#ensure(!hasWaited || other.startedAt > queue.startedAt, 'lets queues take turns')
    }
    queue.startedAt = ++this.#tick
  }
}

const at = fc.nat({ max: 1000 })
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('subscribe' as const), at }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('giveUp' as const), at }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom('complete', 'error', 'unsubscribe' as const), at }),
  },
)

it('whatever comes, fails and leaves: the limit holds, queues take turns, and each is served in its order', () => {
  const limit = fc.integer({ min: 1, max: 4 })
  const queues = fc.integer({ min: 1, max: 4 })
  fc.assert(
    fc.property(limit, queues, fc.array(action, { maxLength: 60 }), (most, count, actions) => {
      const run = new LimiterRun(most, count)
      for (const { does, at: place } of actions) {
        if (does === 'subscribe') run.subscribe(place)
        else if (does === 'giveUp') run.giveUp(place)
        else run.end(place, does)
        run.check()
      }
      run.endAll()
      run.check()
      expect([...run.broken]).toEqual([])
    }),
    { numRuns: runs(300) },
  )
})
