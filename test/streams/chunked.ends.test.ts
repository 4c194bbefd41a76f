import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { options, until, watch } from '../rx/watch-chunks.ts'

function refuseE(bytes: Uint8Array): void {
  if (bytes.includes('e'.charCodeAt(0))) throw new Error('too much')
}

describe('chunked, when it ends before the stream does,', () => {
  it("passes the source's error on, and gives back the unfinished chunk", async () => {
    const pool = new BufferPool(100)
    const source = new PassThrough()
    const { ends, ended, texts } = watch(source, pool)
    source.write('abc')
    await until(() => pool.leasedBytes > 0)
    expect(pool.leasedBytes).toBe(4)
    source.destroy(new Error('reset'))
    await ended
    expect(ends).toEqual([new Error('reset')])
    expect(texts).toEqual([])
    expect(pool.leasedBytes).toBe(0)
  })

  it('fails if the stream closes before its end', async () => {
    const pool = new BufferPool(100)
    const source = new PassThrough()
    const { ends, ended } = watch(source, pool)
    source.write('abc')
    await until(() => pool.leasedBytes > 0)
    source.destroy()
    await ended
    expect(ends).toMatchObject([{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
    expect(pool.leasedBytes).toBe(0)
  })

  it('fails at once if the stream has failed or closed before, and ends at once if that has ended', async () => {
    const pool = new BufferPool(100)
    const closed = new PassThrough().destroy()
    expect(watch(closed, pool).ends).toMatchObject([{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
    const failed = new PassThrough()
    failed.on('error', () => {})
    failed.destroy(new Error('reset'))
    expect(watch(failed, pool).ends).toEqual([new Error('reset')])
    const ended = new PassThrough().end().resume()
    await once(ended, 'end')
    expect(watch(ended, pool).ends).toEqual(['|'])
  })

  it('fails with what onBytes throws, also when that is called late', async () => {
    const given = { ...options, onBytes: refuseE }
    const early = new BufferPool(8)
    const first = watch(new PassThrough().end('abcdefgh'), early, given)
    await first.ended
    expect(first.ends).toEqual([new Error('too much')])
    expect(early.leasedBytes).toBe(0)

    const late = new BufferPool(8)
    const held = late.tryLease(8)
    const source = new PassThrough().end('abcdefgh')
    const second = watch(source, late, given)
    await once(source, 'end')
    held?.release()
    expect(second.ends).toEqual([new Error('too much')])
    expect(late.leasedBytes).toBe(0)
  })

  it('pauses the source without destroying it on unsubscription, and stops waiting for a lease', async () => {
    const pool = new BufferPool(4)
    const source = new PassThrough()
    const { subscription } = watch(source, pool)
    source.write('abcdef')
    await until(() => source.isPaused())
    expect(pool.waiting).toBe(1)
    subscription.unsubscribe()
    expect(pool.waiting).toBe(0)
    expect(pool.leasedBytes).toBe(0)
    expect(source.isPaused()).toBe(true)
    expect(source.destroyed).toBe(false)
    const closed = once(source, 'close')
    source.destroy(new Error('nobody reads any more'))
    await expect(closed).rejects.toThrow('nobody reads any more')
  })

  it('lets chunks be released after the end', async () => {
    const pool = new BufferPool(100)
    const source = new PassThrough()
    const { chunks, ended, subscription } = watch(source, pool)
    source.write('abcdefgh')
    await until(() => pool.leasedBytes > 0)
    source.destroy(new Error('reset'))
    await ended
    expect(pool.leasedBytes).toBe(8)
    for (const chunk of chunks) chunk.release()
    expect(pool.leasedBytes).toBe(0)
    expect(subscription.closed).toBe(true)
  })

  it('fails instead of losing bytes if other code resumes the source while they wait for room', async () => {
    const pool = new BufferPool(8)
    const held = pool.tryLease(8)
    const source = new PassThrough()
    const { texts, ends, ended } = watch(source, pool)
    source.write('abcd')
    await until(() => pool.waiting > 0)
    source.resume()
    source.end('efgh')
    await ended
    held?.release()
    expect(texts).toEqual([])
    expect(ends).toEqual([expect.any(Error)])
    expect(pool.leasedBytes).toBe(0)
  })

  it('fails as a stream that closed if one is destroyed just when it is read on, with more bytes than there is room for', async () => {
    const pool = new BufferPool(8)
    const held = pool.tryLease(8)
    const source = new PassThrough()
    const { ends, ended } = watch(source, pool)
    source.write('abcd')
    await until(() => pool.waiting > 0)
    for (const more of ['efgh', 'ijkl', 'mnop']) source.write(more)
    held?.release()
    source.destroy()
    await ended
    expect(ends).toMatchObject([{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
  })
})
