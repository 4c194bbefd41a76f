import fc from 'fast-check'
import type { Subscription } from 'rxjs'
import { expect, it } from 'vitest'
import { BufferPool, type Lease } from '../../src/buffers/buffer-pool.ts'
import { runs } from '../support/runs.ts'

/** Does with a pool what it is told to, and notes which promises it breaks. */
class PoolRun {
  readonly pool: BufferPool
  readonly broken = new Set<string>()
  readonly #rights: Lease[] = []
  readonly #waiting: { readonly asked: number; readonly subscription: Subscription }[] = []
  #asked = 0
  #served = 0

  constructor(maxBytes: number) {
    this.pool = new BufferPool(maxBytes)
  }

  lease(size: number): void {
    const asked = ++this.#asked
    const subscription = this.pool.lease(size).subscribe((lease) => {
      this.#ensure(asked > this.#served, 'serves who comes first first')
      this.#served = asked
      this.#hold(lease)
    })
    if (!subscription.closed) this.#waiting.push({ asked, subscription })
  }

  tryLease(size: number): void {
    const waiting = this.pool.waiting
    const lease = this.pool.tryLease(size)
    this.#ensure(!lease || waiting === 0, 'lets nobody overtake by trying')
    if (lease) this.#hold(lease)
  }

  share(at: number): void {
    const lease = this.#rights[at % this.#rights.length]
    if (lease) this.#rights.push(lease.share())
  }

  release(at: number): void {
    const [lease] = this.#rights.splice(at % Math.max(1, this.#rights.length), 1)
    if (!lease) return
    lease.release()
  }

  giveUp(at: number): void {
    const [waiter] = this.#waiting.splice(at % Math.max(1, this.#waiting.length), 1)
    waiter?.subscription.unsubscribe()
  }

  check(): void {
    const leased = new Set(this.#rights.map(({ bytes }) => bytes))
    const leasedBytes = [...leased].reduce((sum, bytes) => sum + bytes.length, 0)
    this.#ensure(this.pool.leasedBytes === leasedBytes, 'counts what is leased')
    this.#ensure(leasedBytes <= this.pool.maxBytes, 'never lends more than its bound')
    const waiting = this.#waiting.filter(({ subscription }) => !subscription.closed)
    this.#ensure(this.pool.waiting === waiting.length, 'counts who waits')
  }

  end(): void {
    while (this.#waiting.length > 0 || this.#rights.length > 0) {
      this.giveUp(0)
      this.release(0)
    }
    this.check()
    this.#ensure(this.pool.leasedBytes === 0, 'gets everything back')
  }

  #hold(lease: Lease): void {
    const isTaken = this.#rights.some(({ bytes }) => bytes === lease.bytes)
    this.#ensure(!isTaken, 'lends a buffer to one at a time')
    this.#rights.push(lease)
  }

  #ensure(condition: boolean, promise: string): void {
    if (!condition) this.broken.add(promise)
  }
}

const maxBytes = 20
const size = fc.constantFrom(1, 2, 3, 5, 8, 13, maxBytes)
const place = fc.nat({ max: 1000 })
const action = fc.oneof(
  fc.record({ does: fc.constantFrom('lease' as const, 'tryLease' as const), by: size }),
  fc.record({
    does: fc.constantFrom('release' as const, 'release' as const, 'share' as const, 'giveUp' as const),
    by: place,
  }),
)

it('whatever is leased, shared and released: the bound holds, order holds, and everything comes back', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const run = new PoolRun(maxBytes)
      for (const { does, by } of actions) {
        run[does](by)
        run.check()
      }
      run.end()
      expect([...run.broken]).toEqual([])
    }),
    { numRuns: runs(500) },
  )
})
