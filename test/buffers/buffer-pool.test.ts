import { config, type Subscription } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { BufferPool, type Lease } from '../../src/buffers/buffer-pool.ts'

/** Waits for a lease and notes it under its name. */
function waitFor(pool: BufferPool, size: number, name: string, got: Map<string, Lease>): Subscription {
  return pool.lease(size).subscribe((lease) => got.set(name, lease))
}

describe('BufferPool', () => {
  it('lends buffers of the size that was asked for, up to its bound', () => {
    const pool = new BufferPool(10)
    const leases = [pool.tryLease(4), pool.tryLease(6)]
    expect(leases.map((lease) => lease?.bytes.length)).toEqual([4, 6])
    expect(pool.leasedBytes).toBe(10)
    expect(pool.tryLease(1)).toBeUndefined()
    leases[0]?.release()
    expect(pool.leasedBytes).toBe(6)
    expect(pool.tryLease(5)).toBeUndefined()
    expect(pool.tryLease(4)).toBeDefined()
  })

  it('lends a returned buffer again', () => {
    const pool = new BufferPool(10)
    const first = pool.tryLease(4)
    first?.release()
    expect(pool.tryLease(4)?.bytes).toBe(first?.bytes)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a bound of %d', (maxBytes) => {
    expect(() => new BufferPool(maxBytes)).toThrow(RangeError)
  })

  it.each([0, -1, 1.5, 11, Number.NaN])('refuses %d bytes, which can never be had', (size) => {
    const pool = new BufferPool(10)
    const errors: unknown[] = []
    expect(() => pool.tryLease(size)).toThrow(RangeError)
    pool.lease(size).subscribe({ error: (error) => errors.push(error) })
    expect(errors).toEqual([expect.any(RangeError)])
  })

  it('emits a lease at once if there is one, and completes', () => {
    const seen: (number | string)[] = []
    new BufferPool(10).lease(3).subscribe({
      next: ({ bytes }) => seen.push(bytes.length),
      complete: () => seen.push('|'),
    })
    expect(seen).toEqual([3, '|'])
  })

  it('serves waiters in their order, even if a later one asks for less', () => {
    const pool = new BufferPool(10)
    const held = [pool.tryLease(5), pool.tryLease(5)]
    const got = new Map<string, Lease>()
    waitFor(pool, 8, 'large', got)
    waitFor(pool, 1, 'small', got)
    expect(pool.waiting).toBe(2)
    held[0]?.release()
    expect([...got.keys()]).toEqual([])
    held[1]?.release()
    expect([...got.keys()]).toEqual(['large', 'small'])
    expect(pool.waiting).toBe(0)
  })

  it('lets no tryLease overtake a waiter', () => {
    const pool = new BufferPool(10)
    const held = pool.tryLease(5)
    const got = new Map<string, Lease>()
    waitFor(pool, 8, 'large', got)
    expect(pool.tryLease(1)).toBeUndefined()
    waitFor(pool, 1, 'small', got)
    expect(got.size).toBe(0)
    held?.release()
    expect([...got.keys()]).toEqual(['large', 'small'])
    expect(pool.tryLease(1)).toBeDefined()
  })

  it('lets the next one go when the first gives up waiting', () => {
    const pool = new BufferPool(10)
    pool.tryLease(5)
    const got = new Map<string, Lease>()
    const large = waitFor(pool, 8, 'large', got)
    waitFor(pool, 5, 'small', got)
    large.unsubscribe()
    expect([...got.keys()]).toEqual(['small'])
    expect(pool.waiting).toBe(0)
  })

  it('keeps no lease for a waiter that has left', () => {
    const pool = new BufferPool(10)
    const held = pool.tryLease(10)
    const got = new Map<string, Lease>()
    waitFor(pool, 10, 'left', got).unsubscribe()
    held?.release()
    expect(got.size).toBe(0)
    expect(pool.leasedBytes).toBe(0)
  })

  it('does not recurse when all waiters return their lease at once', () => {
    const pool = new BufferPool(1)
    const held = pool.tryLease(1)
    let served = 0
    for (let waiter = 0; waiter < 20_000; waiter++) {
      pool.lease(1).subscribe((lease) => {
        served++
        lease.release()
      })
    }
    held?.release()
    expect(served).toBe(20_000)
    expect(pool.leasedBytes).toBe(0)
  })

  it('drops idle buffers of other sizes rather than exceed its bound', () => {
    const pool = new BufferPool(10)
    const small = [pool.tryLease(5), pool.tryLease(5)]
    for (const lease of small) lease?.release()
    const large = pool.tryLease(10)
    expect(large?.bytes.length).toBe(10)
    large?.release()
    const buffers = small.map((lease) => lease?.bytes)
    expect(buffers).not.toContain(pool.tryLease(5)?.bytes)
  })
})

describe('A lease', () => {
  it('is released exactly once', () => {
    const pool = new BufferPool(10)
    const lease = pool.tryLease(4)
    lease?.release()
    expect(() => lease?.release()).toThrow('exactly once')
    expect(pool.leasedBytes).toBe(0)
  })

  it('goes to the next waiter when the teardown of the one before throws, and the error is reported', async () => {
    const unhandled = Promise.withResolvers<unknown>()
    config.onUnhandledError = unhandled.resolve
    onTestFinished(() => {
      config.onUnhandledError = null
    })
    const pool = new BufferPool(10)
    const held = [pool.tryLease(5), pool.tryLease(5)]
    const got = new Map<string, Lease>()
    waitFor(pool, 5, 'first', got).add(() => {
      throw new Error('teardown')
    })
    waitFor(pool, 5, 'second', got)
    for (const lease of held) lease?.release()
    expect([...got.keys()]).toEqual(['first', 'second'])
    expect(pool.waiting).toBe(0)
    expect(await unhandled.promise).toMatchObject({ errors: [new Error('teardown')] })
  })

  it('is returned when all shares are released, in any order', () => {
    const pool = new BufferPool(10)
    const lease = pool.tryLease(4)
    const share = lease?.share()
    const shareOfShare = share?.share()
    expect(shareOfShare?.bytes).toBe(lease?.bytes)
    lease?.release()
    share?.release()
    expect(pool.leasedBytes).toBe(4)
    expect(() => share?.release()).toThrow('exactly once')
    expect(pool.leasedBytes).toBe(4)
    shareOfShare?.release()
    expect(pool.leasedBytes).toBe(0)
  })

  it('cannot be shared once it is released', () => {
    const lease = new BufferPool(10).tryLease(4)
    const share = lease?.share()
    lease?.release()
    expect(() => lease?.share()).toThrow('cannot be shared')
    expect(() => share?.share()).not.toThrow()
  })
})
