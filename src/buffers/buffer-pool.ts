import { Observable, type Subscriber } from 'rxjs'
import { reportUnhandled } from '../rx/fair-limiter.ts'
import { CountedLease, type Lease } from './counted-lease.ts'
import { Slabs } from './slabs.ts'

export type { Lease } from './counted-lease.ts'

/** What somebody holds and could do without for a while. */
export interface Offer {
  /** Its owner made progress: others are asked first. */
  touch(): void
  /** Its owner needs it now. */
  withdraw(): void
}

interface Offered {
  readonly giveUp: () => number
  readonly heldBytes: () => number
  touchedAt: number
}

interface Waiter {
  readonly size: number
  readonly subscriber: Subscriber<Lease>
}

/** An offer that was not touched for so long is taken when somebody waits. */
const idleMs = 250

/** So much is taken at once if nobody stands still: smaller pieces of work would make more of it. */
const worthwhileBytes = 1024 * 1024

/**
 * Lends buffers of at most `maxBytes` altogether; who finds none left, waits, first come, first served. Bytes
 * that travel through Ashlar exist only in lent buffers, so this bounds its memory.
 *
 * A client that stopped or crawls must not starve the others, so its pipeline *offers* what it holds: when
 * somebody waits, offers that made no progress for a while are taken, those that come back at once before those that cost work,
 * longest idle first; then the largest, so that many who all move have less each, instead of all waiting for each other; and when nothing at all
 * has come back for a while, any offer. Who moves is not to wait for what stands still, either: of what is idle no more than
 * `mostIdleBytes` stays, whether somebody waits or not. Returned buffers are kept and lent again: a
 * fresh one costs several times as much.
 */
export class BufferPool {
  readonly maxBytes: number
  readonly #mostIdleBytes: number
  readonly #slabs: Slabs
  readonly #waiters = new Set<Waiter>()
  /** What comes back at once, and what does not; least recently touched first. */
  readonly #offers = { atOnce: new Set<Offered>(), later: new Set<Offered>() }
  #leasedBytes = 0
  #waitingBytes = 0
  /** Bytes that were given up but have not come back yet. */
  #promisedBytes = 0
  #patience: NodeJS.Timeout | undefined
  #idleWatch: NodeJS.Timeout | undefined
  #isServing = false

  /** Throws `RangeError` unless `maxBytes` is a positive integer. All of it may stand idle unless `mostIdleBytes` says less. */
  constructor(maxBytes: number, mostIdleBytes = maxBytes) {
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      throw new RangeError(`maxBytes must be a positive integer, not ${maxBytes}`)
    }
    this.maxBytes = maxBytes
    this.#mostIdleBytes = mostIdleBytes
    this.#slabs = new Slabs(maxBytes)
  }

  get leasedBytes(): number {
    return this.#leasedBytes
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** A lease if one can be had at once and nobody waits for one. Throws `RangeError` for what can never be had. */
  tryLease(size: number): Lease | undefined {
    this.#check(size)
    return this.#waiters.size === 0 ? this.#lend(size) : undefined
  }

  /** Emits one lease as soon as it can be had; unsubscribing gives up waiting. Errors with `RangeError` for what can never be had. */
  lease(size: number): Observable<Lease> {
    return new Observable((subscriber) => {
      const lease = this.tryLease(size)
      if (lease) {
        deliver(lease, subscriber)
        return undefined
      }
      const waiter: Waiter = { size, subscriber }
      this.#waiters.add(waiter)
      this.#waitingBytes += size
      this.#takeOffers()
      return () => {
        if (!this.#waiters.delete(waiter)) return
        this.#waitingBytes -= size
        this.#serve()
      }
    })
  }

  /**
   * Says that something held can be had back. `giveUp` is called at most once, never after `withdraw`; it
   * returns how many bytes will be released soon, not counting those that it has released already. What comes back `later` costs
   * somebody work, and is asked for when the rest is not enough. `heldBytes` tells how much it is by now; without it, too little to
   * matter unless somebody waits.
   */
  offer(
    giveUp: () => number,
    comesBack: 'atOnce' | 'later' = 'later',
    heldBytes: () => number = () => 0,
  ): Offer {
    const offered: Offered = { giveUp, heldBytes, touchedAt: performance.now() }
    const offers = this.#offers[comesBack]
    offers.add(offered)
    return {
      touch: () => {
        offered.touchedAt = performance.now()
        if (offers.delete(offered)) offers.add(offered)
      },
      withdraw: () => {
        offers.delete(offered)
      },
    }
  }

  #check(size: number): void {
    if (!Number.isSafeInteger(size) || size < 1 || size > this.maxBytes) {
      throw new RangeError(`cannot lease ${size} bytes from a pool of ${this.maxBytes}`)
    }
  }

  #lend(size: number): Lease | undefined {
    if (this.#leasedBytes + size > this.maxBytes) return undefined
    const bytes = this.#slabs.take(size)
    this.#leasedBytes += size
    this.#watchIdle()
    return new CountedLease(bytes, () => this.#takeBack(bytes))
  }

  #takeBack(bytes: Buffer): void {
    const size = bytes.length
    this.#leasedBytes -= size
    this.#promisedBytes = Math.max(0, this.#promisedBytes - size)
    this.#slabs.giveBack(bytes)
    this.#serve()
  }

  #serve(): void {
    // What is given back as soon as it is got would otherwise recurse for each that waits.
    if (this.#isServing) return
    this.#isServing = true
    try {
      for (const waiter of this.#waiters) {
        const lease = this.#lend(waiter.size)
        if (!lease) break
        this.#waiters.delete(waiter)
        this.#waitingBytes -= waiter.size
        this.#beginPatience()
        deliver(lease, waiter.subscriber)
      }
    } finally {
      this.#isServing = false
    }
    if (this.#waiters.size === 0) this.#endPatience()
  }

  /** What costs work comes back after a while only, and who reads ahead does without what is not there at once. */
  #watchIdle(): void {
    if (this.#idleWatch || this.#leasedBytes <= this.#mostIdleBytes) return
    this.#idleWatch = setTimeout(() => {
      this.#idleWatch = undefined
      let idleBytes = 0
      for (const { heldBytes } of this.#idle()) idleBytes += heldBytes()
      this.#takeIdle(({ heldBytes }) => {
        const isTooMuch = idleBytes > this.#mostIdleBytes
        idleBytes -= heldBytes()
        return isTooMuch
      })
      this.#watchIdle()
    }, idleMs)
    this.#idleWatch.unref()
  }

  *#idle(): Generator<Offered> {
    const idleSince = performance.now() - idleMs
    for (const offers of Object.values(this.#offers)) {
      for (const offered of offers) {
        if (offered.touchedAt > idleSince) break
        yield offered
      }
    }
  }

  #takeIdle(isNeeded: (next: Offered) => boolean): void {
    for (const offered of this.#idle()) {
      if (!isNeeded(offered)) break
      this.#take(offered)
    }
  }

  #takeOffers(): void {
    this.#takeIdle(() => this.#isShort())
    this.#takeLargest()
    if (this.#waiters.size > 0 && !this.#patience) this.#beginPatience()
  }

  #takeLargest(): void {
    const { later } = this.#offers
    while (this.#isShort()) {
      let largest: Offered | undefined
      let mostBytes = worthwhileBytes - 1
      for (const offered of later) {
        const bytes = offered.heldBytes()
        if (bytes <= mostBytes) continue
        largest = offered
        mostBytes = bytes
      }
      if (!largest) return
      this.#take(largest)
    }
  }

  /** Are there waiters whom neither free bytes nor those already given up will serve? */
  #isShort(): boolean {
    return this.#leasedBytes + this.#waitingBytes - this.#promisedBytes > this.maxBytes
  }

  #take(offered: Offered): void {
    for (const offers of Object.values(this.#offers)) offers.delete(offered)
    this.#promisedBytes += offered.giveUp()
  }

  /** Pipelines that all wait for each other would wait for ever: after a while one of them has to give. */
  #beginPatience(): void {
    this.#endPatience()
    this.#patience = setTimeout(() => {
      this.#patience = undefined
      this.#promisedBytes = 0
      for (const offers of Object.values(this.#offers)) {
        const [oldest] = offers
        if (!oldest) continue
        this.#take(oldest)
        break
      }
      this.#takeOffers()
    }, idleMs)
    this.#patience.unref()
  }

  #endPatience(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
  }
}

/** A lease that nobody took would be lost. */
function deliver(lease: Lease, subscriber: Subscriber<Lease>): void {
  if (subscriber.closed) {
    lease.release()
    return
  }
  try {
    subscriber.next(lease)
    subscriber.complete()
  } catch (error) {
    // A teardown threw: whoever waits behind it must not wait for ever.
    reportUnhandled(error)
  }
}
