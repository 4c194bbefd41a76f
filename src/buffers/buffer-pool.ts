import { Observable, type Subscriber } from 'rxjs'
import { reportUnhandled } from '../rx/fair-limiter.ts'
import { CountedLease, type Lease } from './counted-lease.ts'
import { Slabs } from './slabs.ts'

export type { Lease } from './counted-lease.ts'

/** A lease that the pool may take back for others, because its holder can do without it. */
export interface Reclaimable {
  /** Its owner made progress, so the pool asks others first. */
  markProgress(): void
  /** Its owner needs it now. */
  withdraw(): void
}

interface Entry {
  readonly reclaim: () => number
  readonly heldBytes: () => number
  progressedAt: number
}

interface Waiter {
  readonly size: number
  readonly subscriber: Subscriber<Lease>
}

/** A reclaimable lease counts as idle after so long without progress. */
const idleMs = 250

/** Reclaims no less than this from a moving client, because smaller chunks cause more work. */
const worthwhileBytes = 1024 * 1024

/**
 * Lends buffers of at most `maxBytes` altogether. When none is free, callers wait, first come,
 * first served. Bytes that travel through Ashlar exist only in lent buffers, so this bounds its
 * memory.
 *
 * A client that has stopped or crawls must not starve the others, so its pipeline makes what it
 * holds *reclaimable*. While somebody waits, the pool reclaims idle leases: first those that come
 * back at once, then those that cost work, the longest idle first. If that is not enough it
 * reclaims the largest, so that many moving clients share instead of waiting for each other. If
 * nothing comes back for a while, it reclaims any. Idle leases never keep more than
 * `mostIdleBytes`, even if nobody waits. The pool keeps returned buffers and lends them again,
 * because a fresh one costs several times as much.
 */
export class BufferPool {
  readonly maxBytes: number
  readonly #mostIdleBytes: number
  readonly #slabs: Slabs
  readonly #waiters = new Set<Waiter>()
  /** Split by whether their bytes come back at once. The least recently touched come first. */
  readonly #reclaimables = { atOnce: new Set<Entry>(), later: new Set<Entry>() }
  #leasedBytes = 0
  #waitingBytes = 0
  /** Bytes that holders have given up and not yet returned. */
  #promisedBytes = 0
  #patience: NodeJS.Timeout | undefined
  #idleWatch: NodeJS.Timeout | undefined
  #isServing = false

  /**
   * Throws `RangeError` unless `maxBytes` is a positive integer. All of it may stand idle unless
   * `mostIdleBytes` says less.
   */
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

  /**
   * Returns a lease if one is free and nobody waits for one. Throws `RangeError` for a size that
   * the pool can never lend.
   */
  tryLease(size: number): Lease | undefined {
    this.#check(size)
    return this.#waiters.size === 0 ? this.#lend(size) : undefined
  }

  /**
   * Emits one lease as soon as one is free. Unsubscribing stops waiting. Errors with `RangeError`
   * for a size that the pool can never lend.
   */
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
      this.#reclaimSome()
      return () => {
        if (!this.#waiters.delete(waiter)) return
        this.#waitingBytes -= size
        this.#serve()
      }
    })
  }

  /**
   * Lets the pool reclaim what the caller holds. It calls `reclaim` at most once, and never after
   * `withdraw`; `reclaim` returns how many bytes will be released soon, not counting those it has
   * already released. Leases that come back `later` cost somebody work, so the pool reclaims them
   * last. `heldBytes` returns how much the caller holds now. Without it, the lease matters only
   * while somebody waits.
   */
  makeReclaimable(
    reclaim: () => number,
    comesBack: 'atOnce' | 'later' = 'later',
    heldBytes: () => number = () => 0,
  ): Reclaimable {
    const entry: Entry = { reclaim, heldBytes, progressedAt: performance.now() }
    const entries = this.#reclaimables[comesBack]
    entries.add(entry)
    return {
      markProgress: () => {
        entry.progressedAt = performance.now()
        if (entries.delete(entry)) entries.add(entry)
      },
      withdraw: () => {
        entries.delete(entry)
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
    // Otherwise leases that are returned at once would recurse for each waiter.
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

  /**
   * Watches even if nobody waits: leases that cost work take a while to come back, and readers
   * ahead go without a lease that is not free at once.
   */
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

  *#idle(): Generator<Entry> {
    const idleSince = performance.now() - idleMs
    for (const entries of Object.values(this.#reclaimables)) {
      for (const entry of entries) {
        if (entry.progressedAt > idleSince) break
        yield entry
      }
    }
  }

  #takeIdle(isNeeded: (next: Entry) => boolean): void {
    for (const entry of this.#idle()) {
      if (!isNeeded(entry)) break
      this.#take(entry)
    }
  }

  #reclaimSome(): void {
    this.#takeIdle(() => this.#isShort())
    this.#takeLargest()
    if (this.#waiters.size > 0 && !this.#patience) this.#beginPatience()
  }

  #takeLargest(): void {
    const { later } = this.#reclaimables
    while (this.#isShort()) {
      let largest: Entry | undefined
      let mostBytes = worthwhileBytes - 1
      for (const entry of later) {
        const bytes = entry.heldBytes()
        if (bytes <= mostBytes) continue
        largest = entry
        mostBytes = bytes
      }
      if (!largest) return
      this.#take(largest)
    }
  }

  /** Whether some waiters need more than the free bytes and those already given up. */
  #isShort(): boolean {
    return this.#leasedBytes + this.#waitingBytes - this.#promisedBytes > this.maxBytes
  }

  #take(entry: Entry): void {
    for (const entries of Object.values(this.#reclaimables)) entries.delete(entry)
    this.#promisedBytes += entry.reclaim()
  }

  /** Pipelines that all wait for each other would wait for ever: after a while one must give up. */
  #beginPatience(): void {
    this.#endPatience()
    this.#patience = setTimeout(() => {
      this.#patience = undefined
      this.#promisedBytes = 0
      for (const entries of Object.values(this.#reclaimables)) {
        const [oldest] = entries
        if (!oldest) continue
        this.#take(oldest)
        break
      }
      this.#reclaimSome()
    }, idleMs)
    this.#patience.unref()
  }

  #endPatience(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
  }
}

/** Returns a lease that its subscriber no longer takes; otherwise it would be lost. */
function deliver(lease: Lease, subscriber: Subscriber<Lease>): void {
  if (subscriber.closed) {
    lease.release()
    return
  }
  try {
    subscriber.next(lease)
    subscriber.complete()
  } catch (error) {
    // A teardown threw: the waiters behind it must still get their turn.
    reportUnhandled(error)
  }
}
