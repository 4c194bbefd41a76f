import { Subject, takeUntil } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BufferPool, type Lease, type Reclaimable } from '../../src/buffers/buffer-pool.ts'

/**
 * Longer than a reclaimable lease may go without progress, and longer than those who wait are
 * patient.
 */
const longMs = 300

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Holds one reclaimable lease, and releases it only when told to after it was asked for. */
class Holder {
  readonly lease: Lease | undefined
  readonly reclaimable: Reclaimable
  asked = 0

  constructor(pool: BufferPool, size = 1) {
    this.lease = pool.tryLease(size)
    const reclaim = () => {
      this.asked++
      return size
    }
    this.reclaimable = pool.makeReclaimable(reclaim, 'later', () => size)
  }
}

function fullPool(holders: number): { pool: BufferPool; holders: Holder[]; asked: () => number[] } {
  const pool = new BufferPool(holders)
  const all = Array.from({ length: holders }, () => new Holder(pool))
  return { pool, holders: all, asked: () => all.map((holder) => holder.asked) }
}

/** Four buffers are lent, two may stand idle. */
function halfIdlePool(): { pool: BufferPool; holders: Holder[]; asked: () => number[] } {
  const pool = new BufferPool(8, 2)
  const holders = Array.from({ length: 4 }, () => new Holder(pool))
  return { pool, holders, asked: () => holders.map((holder) => holder.asked) }
}

describe('A reclaimable lease', () => {
  it('is not taken while nobody waits, however idle', () => {
    const { pool, holders, asked } = fullPool(2)
    vi.advanceTimersByTime(10 * longMs)
    holders[0]?.lease?.release()
    expect(pool.tryLease(1)).toBeDefined()
    expect(asked()).toEqual([0, 0])
  })

  it('is taken at once if no lease is idle and it is the largest, and large', () => {
    const MiB = 1024 * 1024
    const pool = new BufferPool(8 * MiB)
    const asked: number[] = []
    const held = [2 * MiB, 3 * MiB, 3 * MiB - 1, 1].map((size, nth) => {
      const lease = pool.tryLease(size)!
      const reclaim = () => {
        asked.push(nth)
        return size
      }
      pool.makeReclaimable(reclaim, 'later', () => size)
      return lease
    })
    const got: Lease[] = []
    pool.lease(2 * MiB).subscribe((lease) => got.push(lease))
    expect(asked).toEqual([1])
    // What is promised is enough for this one, too.
    pool.lease(MiB).subscribe((lease) => got.push(lease))
    expect(asked).toEqual([1])
    pool.lease(1).subscribe((lease) => got.push(lease))
    expect(asked).toEqual([1, 2])
    held[1]!.release()
    expect(got.map(({ bytes }) => bytes.length)).toEqual([2 * MiB, MiB])
  })

  it('is left to a moving client if it is small', () => {
    const MiB = 1024 * 1024
    const pool = new BufferPool(MiB)
    let asked = 0
    pool.tryLease(MiB - 1)
    pool.makeReclaimable(
      () => ++asked,
      'later',
      () => MiB - 1,
    )
    pool.lease(2).subscribe()
    expect(asked).toBe(0)
    vi.advanceTimersByTime(longMs)
    expect(asked).toBe(1)
  })

  it('is taken when somebody waits and it has made no progress for a while, longest idle first', () => {
    const { pool, holders, asked } = fullPool(3)
    vi.advanceTimersByTime(10)
    holders[0]?.reclaimable.markProgress()
    vi.advanceTimersByTime(longMs)
    pool.lease(1).subscribe()
    expect(asked()).toEqual([0, 1, 0])
    pool.lease(1).subscribe()
    expect(asked()).toEqual([0, 1, 1])
    pool.lease(1).subscribe()
    expect(asked()).toEqual([1, 1, 1])
  })

  it('that comes back at once is taken before any that costs work, however long that has been idle', () => {
    const own = new BufferPool(3)
    const later = Array.from({ length: 2 }, () => new Holder(own))
    vi.advanceTimersByTime(longMs)
    const lease = own.tryLease(1)
    own.makeReclaimable(() => {
      lease?.release()
      return 0
    }, 'atOnce')
    vi.advanceTimersByTime(longMs)
    const got: Lease[] = []
    own.lease(1).subscribe((each) => got.push(each))
    expect([got.length, ...later.map((holder) => holder.asked)]).toEqual([1, 0, 0])
    own.lease(1).subscribe((each) => got.push(each))
    expect([got.length, ...later.map((holder) => holder.asked)]).toEqual([1, 1, 0])
  })

  it('that costs work is taken nevertheless if the others are not idle', () => {
    const own = new BufferPool(2)
    const later = new Holder(own)
    vi.advanceTimersByTime(longMs)
    const lease = own.tryLease(1)
    own.makeReclaimable(() => {
      lease?.release()
      return 0
    }, 'atOnce')
    own.lease(1).subscribe()
    expect([later.asked, own.leasedBytes]).toEqual([1, 2])
  })

  it('is left alone while it makes progress', () => {
    const { pool, holders, asked } = fullPool(2)
    vi.advanceTimersByTime(longMs)
    holders[0]?.reclaimable.markProgress()
    pool.lease(2).subscribe()
    expect(asked()).toEqual([0, 1])
  })

  it('is taken at most once, and not after it is withdrawn', () => {
    const { pool, holders, asked } = fullPool(2)
    vi.advanceTimersByTime(longMs)
    holders[0]?.reclaimable.withdraw()
    holders[0]?.reclaimable.markProgress()
    pool.lease(1).subscribe()
    holders[1]?.reclaimable.markProgress()
    vi.advanceTimersByTime(10 * longMs)
    pool.lease(1).subscribe()
    vi.advanceTimersByTime(10 * longMs)
    expect(asked()).toEqual([0, 1])
  })

  it('is not taken for bytes that others have promised already', () => {
    const pool = new BufferPool(4)
    const large = new Holder(pool, 3)
    const small = new Holder(pool, 1)
    vi.advanceTimersByTime(longMs)
    pool.lease(1).subscribe()
    pool.lease(2).subscribe()
    expect([large.asked, small.asked]).toEqual([1, 0])
    pool.lease(1).subscribe()
    expect([large.asked, small.asked]).toEqual([1, 1])
  })

  it('is taken again once what was promised has come back', () => {
    const { pool, holders, asked } = fullPool(2)
    vi.advanceTimersByTime(longMs)
    pool.lease(1).subscribe()
    holders[0]?.lease?.release()
    expect(pool.waiting).toBe(0)
    pool.lease(1).subscribe()
    expect(asked()).toEqual([1, 1])
  })

  it('is not spared for what was promised and has not come back for a while', () => {
    const { pool, asked } = fullPool(3)
    vi.advanceTimersByTime(longMs)
    pool.lease(1).subscribe()
    expect(asked()).toEqual([1, 0, 0])
    vi.advanceTimersByTime(longMs)
    expect(asked()).toEqual([1, 1, 0])
    pool.lease(1).subscribe()
    expect(asked()).toEqual([1, 1, 1])
  })

  it('loses nothing if reclaiming makes a waiter leave', () => {
    const pool = new BufferPool(1)
    const lease = pool.tryLease(1)
    const enough = new Subject<void>()
    pool.makeReclaimable(() => {
      enough.next()
      lease?.release()
      return 0
    })
    vi.advanceTimersByTime(longMs)
    let served = 0
    pool
      .lease(1)
      .pipe(takeUntil(enough))
      .subscribe(() => served++)
    expect(served).toBe(0)
    expect(pool.leasedBytes).toBe(0)
  })

  it('is not taken when enough bytes are free', () => {
    const pool = new BufferPool(4)
    const holder = new Holder(pool, 1)
    vi.advanceTimersByTime(longMs)
    expect(pool.tryLease(3)).toBeDefined()
    expect(holder.asked).toBe(0)
  })

  it('may give back at once what it promises', () => {
    const pool = new BufferPool(1)
    const lease = pool.tryLease(1)
    pool.makeReclaimable(() => {
      lease?.release()
      return 0
    })
    vi.advanceTimersByTime(longMs)
    let served = 0
    pool.lease(1).subscribe(() => served++)
    expect(served).toBe(1)
  })
})

describe('An idle lease', () => {
  it('is had back before anybody waits, longest idle first, until as much is left as may stand', () => {
    const { holders, asked } = halfIdlePool()
    vi.advanceTimersByTime(10)
    holders[0]?.reclaimable.markProgress()
    vi.advanceTimersByTime(10 * longMs)
    expect(asked()).toEqual([0, 1, 1, 0])
  })

  it('is left alone where it is no more', () => {
    const { holders, asked } = halfIdlePool()
    for (const { lease, reclaimable } of holders.slice(0, 2)) {
      reclaimable.withdraw()
      lease?.release()
    }
    vi.advanceTimersByTime(10 * longMs)
    expect(asked()).toEqual([0, 0, 0, 0])
  })

  it('is left alone however much is lent to moving clients', () => {
    const { pool, holders, asked } = halfIdlePool()
    for (const { reclaimable } of holders.slice(0, 2)) reclaimable.withdraw()
    pool.tryLease(4)
    vi.advanceTimersByTime(10 * longMs)
    expect(asked()).toEqual([0, 0, 0, 0])
  })

  it('is looked for again and again as long as more is lent than may stand', () => {
    const { holders, asked } = halfIdlePool()
    const keepBusy = () => {
      for (const holder of holders) holder.reclaimable.markProgress()
    }
    for (let time = 0; time < 10 * longMs; time += 10) {
      keepBusy()
      vi.advanceTimersByTime(10)
    }
    expect(asked()).toEqual([0, 0, 0, 0])
    vi.advanceTimersByTime(2 * longMs)
    expect(asked()).toEqual([1, 1, 0, 0])
  })

  it('is looked for no more when it has come back', () => {
    const { holders } = halfIdlePool()
    vi.advanceTimersByTime(longMs)
    for (const holder of holders.filter(({ asked }) => asked > 0)) holder.lease?.release()
    vi.advanceTimersByTime(2 * longMs)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('Waiters', () => {
  it('have the least recently touched lease reclaimed when nothing at all has come back for a while', () => {
    const { pool, holders, asked } = fullPool(3)
    pool.lease(1).subscribe()
    const keepBusy = () => {
      for (const holder of [holders[1], holders[0], holders[2]]) holder?.reclaimable.markProgress()
    }
    for (let time = 0; time < longMs; time += 10) {
      keepBusy()
      vi.advanceTimersByTime(10)
    }
    expect(asked()).toEqual([0, 1, 0])
  })

  it('have one more taken each time nothing has come back for a while', () => {
    const { pool, holders, asked } = fullPool(3)
    pool.lease(1).subscribe()
    const touchAll = () => holders.forEach((holder) => holder.reclaimable.markProgress())
    const counts: number[] = []
    for (let time = 0; time < 1000; time += 10) {
      touchAll()
      vi.advanceTimersByTime(10)
      counts.push(asked().reduce((sum, count) => sum + count, 0))
    }
    expect([...new Set(counts)]).toEqual([0, 1, 2, 3])
  })

  it('are no more patient because others join them', () => {
    const { pool, holders, asked } = fullPool(3)
    for (let time = 0; time < longMs; time += 10) {
      pool.lease(1).subscribe()
      for (const holder of holders) holder.reclaimable.markProgress()
      vi.advanceTimersByTime(10)
    }
    expect(asked()).toEqual([1, 0, 0])
  })

  it('stay patient while leases come back', () => {
    const { pool, holders, asked } = fullPool(3)
    const got: Lease[] = []
    for (let waiter = 0; waiter < 5; waiter++) pool.lease(1).subscribe((lease) => got.push(lease))
    holders[0]?.reclaimable.withdraw()
    holders[0]?.lease?.release()
    for (let time = 0; time < 500; time += 10) {
      for (const holder of holders) holder.reclaimable.markProgress()
      if (time % 100 === 0) got.shift()?.release()
      if (pool.waiting === 0) break
      vi.advanceTimersByTime(10)
    }
    expect(pool.waiting).toBe(0)
    expect(asked()).toEqual([0, 0, 0])
  })

  it('leave no timer behind when they are served or give up', () => {
    const { pool, holders } = fullPool(1)
    const waiting = pool.lease(1).subscribe()
    expect(vi.getTimerCount()).toBe(1)
    waiting.unsubscribe()
    expect(vi.getTimerCount()).toBe(0)
    pool.lease(1).subscribe()
    holders[0]?.lease?.release()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('do not have more taken once they have given up', () => {
    const { pool, asked } = fullPool(2)
    pool.lease(1).subscribe().unsubscribe()
    vi.advanceTimersByTime(10 * longMs)
    expect(asked()).toEqual([0, 0])
  })
})
