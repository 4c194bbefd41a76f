import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { chunked } from '../../src/streams/chunked.ts'
import { options, textOf, until, watch } from '../rx/watch-chunks.ts'

/** A client that sends when the test says so, in a time that passes when the test says so. */
function slowClient(pool: BufferPool, given = options) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const source = new PassThrough()
  return { source, ...watch(source, pool, given) }
}

/** As a slow client whose chunks are released as soon as they are emitted. */
function promptlyStored(pool: BufferPool) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const source = new PassThrough()
  const texts: string[] = []
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  chunked(source, pool, options).subscribe({
    next: (chunk) => {
      texts.push(textOf(chunk))
      chunk.release()
    },
    complete: resolve,
  })
  return { source, texts, ended }
}

describe('chunked, when others wait for memory,', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('cuts a chunk early whose client makes no progress, and begins the next with what comes then', async () => {
    const pool = new BufferPool(8)
    const { source, chunks, ended, texts } = slowClient(pool)
    source.write('abcde')
    await until(() => pool.leasedBytes === 8)
    vi.advanceTimersByTime(300)
    expect(texts).toEqual([])
    let served = 0
    const waiting = pool.lease(4).subscribe((lease) => {
      served++
      lease.release()
    })
    expect(texts).toEqual(['abcde'])
    expect(served).toBe(0)
    chunks[0]?.release()
    expect(served).toBe(1)
    expect(waiting.closed).toBe(true)
    source.end('fgh')
    await ended
    expect(texts.slice(1)).toEqual(['fgh'])
  })

  it('spares a chunk whose client makes progress', async () => {
    const pool = new BufferPool(8)
    const { source, texts } = slowClient(pool)
    for (const letter of 'abcde') {
      source.write(letter)
      await until(() => source.readableLength + source.writableLength === 0)
      vi.advanceTimersByTime(200)
    }
    pool.lease(4).subscribe()
    expect(texts).toEqual([])
  })

  it('gives way to itself when it waits for its own next piece', async () => {
    const pool = new BufferPool(4)
    const { source, chunks, ended, texts } = slowClient(pool)
    source.end('abcdefghij')
    await once(source, 'end')
    vi.advanceTimersByTime(300)
    expect(texts).toEqual(['abcd'])
    chunks[0]?.release()
    vi.advanceTimersByTime(300)
    expect(texts.slice(1)).toEqual(['efgh'])
    chunks[1]?.release()
    await ended
    expect(texts.slice(2)).toEqual(['ij'])
  })

  it('goes on at once when what it gives up comes back at once', async () => {
    const pool = new BufferPool(4)
    const { source, texts, ended } = promptlyStored(pool)
    source.write('abcd')
    await until(() => pool.leasedBytes === 4)
    vi.advanceTimersByTime(300)
    source.end('efgh')
    await ended
    expect(texts).toEqual(['abcd', 'efgh'])
    expect(pool.leasedBytes).toBe(0)
  })

  it('promises nothing that it has given back already', async () => {
    const pool = new BufferPool(8)
    const { source, texts } = promptlyStored(pool)
    source.write('abc')
    await until(() => pool.leasedBytes === 4)
    pool.tryLease(4)
    let asked = 0
    pool.makeReclaimable(() => {
      asked++
      return 4
    })
    vi.advanceTimersByTime(300)
    pool.lease(4).subscribe()
    expect(texts).toEqual(['abc'])
    expect(asked).toBe(0)
    pool.lease(4).subscribe()
    expect(asked).toBe(1)
  })

  it('emits nothing more for a chunk that is out', async () => {
    const pool = new BufferPool(8)
    const { source, texts, ends } = slowClient(pool)
    source.write('abcdefgh')
    await until(() => texts.length === 1)
    vi.advanceTimersByTime(300)
    pool.lease(4).subscribe()
    vi.advanceTimersByTime(300)
    expect(texts).toEqual(['abcdefgh'])
    expect(ends).toEqual([])
  })

  it('takes no lease for a chunk that would be one too many', async () => {
    const pool = new BufferPool(8)
    const held = pool.tryLease(4)
    const { source, chunks, ended, texts } = slowClient(pool, { ...options, maxChunks: 1 })
    source.write('abcdefgh')
    await until(() => source.isPaused())
    expect(pool.waiting).toBe(1)
    vi.advanceTimersByTime(300)
    expect(texts).toEqual(['abcd'])
    expect(pool.waiting).toBe(0)
    held?.release()
    expect(pool.leasedBytes).toBe(4)
    chunks[0]?.release()
    source.end()
    await ended
    expect(texts.slice(1)).toEqual(['efgh'])
  })
})
