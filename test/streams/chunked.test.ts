import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { chunked } from '../../src/streams/chunked.ts'
import { options, textOf, until, watch } from '../rx/watch-chunks.ts'

describe('chunked', () => {
  it.each([
    { size: 0, sizes: [] },
    { size: 1, sizes: [1] },
    { size: 7, sizes: [7] },
    { size: 8, sizes: [8] },
    { size: 9, sizes: [8, 1] },
    { size: 24, sizes: [8, 8, 8] },
  ])('cuts $size bytes into chunks of $sizes', async ({ size, sizes }) => {
    const pool = new BufferPool(100)
    const bytes = 'abcdefghijklmnopqrstuvwxyz'.slice(0, size)
    const { chunks, ends, ended, texts } = watch(new PassThrough().end(bytes), pool)
    await ended
    expect(chunks.map((chunk) => chunk.size)).toEqual(sizes)
    expect(texts.join('')).toBe(bytes)
    expect(ends).toEqual(['|'])
    for (const chunk of chunks) chunk.release()
    expect(pool.leasedBytes).toBe(0)
  })

  it('fills chunks that are no multiple of a piece', async () => {
    const pool = new BufferPool(100)
    const source = new PassThrough().end('abcdefghijkl')
    const { chunks, ended, texts } = watch(source, pool, { ...options, chunkBytes: 7, pieceBytes: 3 })
    await ended
    expect(texts).toEqual(['abcdefg', 'hijkl'])
    expect(chunks.map(({ pieces }) => pieces.map((piece) => piece.length))).toEqual([
      [3, 3, 1],
      [3, 2],
    ])
  })

  it('lets a chunk be smaller than a piece', async () => {
    const pool = new BufferPool(100)
    const source = new PassThrough().end('abcde')
    const { ended, texts } = watch(source, pool, { ...options, chunkBytes: 2, pieceBytes: 3 })
    await ended
    expect(texts).toEqual(['ab', 'cd', 'e'])
  })

  it('shows all bytes in order, each run before the chunk with it is emitted', async () => {
    const log: string[] = []
    const onBytes = (bytes: Uint8Array) => log.push(Buffer.from(bytes).toString())
    const source = new PassThrough()
    source.write('abc')
    source.write('defghij')
    source.end('k')
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    chunked(source, new BufferPool(100), { ...options, onBytes }).subscribe({
      next: (chunk) => log.push(`<${textOf(chunk)}>`),
      complete: resolve,
    })
    await ended
    const shown = log.filter((entry) => !entry.startsWith('<'))
    expect(shown.join('')).toBe('abcdefghijk')
    expect(log.join('')).toBe('abcdefgh<abcdefgh>ijk<ijk>')
  })

  it('reads a stream that was paused before', async () => {
    const { ended, texts } = watch(new PassThrough().pause().end('abc'), new BufferPool(100))
    await ended
    expect(texts).toEqual(['abc'])
  })

  it('does not recurse for a hundred thousand chunks in one run of bytes', async () => {
    const pool = new BufferPool(1)
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    let count = 0
    chunked(Readable.from([Buffer.alloc(100_000)]), pool, {
      chunkBytes: 1,
      pieceBytes: 1,
      maxChunks: 1,
    }).subscribe({
      next: (chunk) => {
        count++
        chunk.release()
      },
      complete: resolve,
    })
    await ended
    expect(count).toBe(100_000)
  })
})

describe('chunked, without a lease,', () => {
  it('pauses the source until there is one, and loses nothing, not even at the end', async () => {
    const pool = new BufferPool(8)
    const held = pool.tryLease(8)
    const source = new PassThrough().end('abcdefghijklmnop')
    const { chunks, ends, ended, texts } = watch(source, pool)
    await once(source, 'end')
    expect(source.readableFlowing).toBe(false)
    expect(texts).toEqual([])
    held?.release()
    expect(texts).toEqual(['abcdefgh'])
    expect(ends).toEqual([])
    chunks[0]?.release()
    await ended
    expect(texts).toEqual(['abcdefgh', 'ijklmnop'])
    expect(ends).toEqual(['|'])
  })

  it('leaves what is sent meanwhile to the sender', async () => {
    const pool = new BufferPool(4)
    const held = pool.tryLease(4)
    const source = new PassThrough({ highWaterMark: 4 })
    const { chunks, texts } = watch(source, pool, { ...options, chunkBytes: 4 })
    source.write('abcd')
    await until(() => source.isPaused())
    await until(() => !source.write('efgh'))
    expect(source.isPaused()).toBe(true)
    expect(texts).toEqual([])
    held?.release()
    await until(() => {
      chunks.shift()?.release()
      return !source.writableNeedDrain
    })
    expect(texts.join('').slice(0, 8)).toBe('abcdefgh')
  })

  it('never has more than maxChunks out, and continues when one is released', async () => {
    const source = new PassThrough().end('abcdefghijklmnopqrstuvwxyz')
    const pool = new BufferPool(100)
    const { chunks, ended, texts } = watch(source, pool, { ...options, maxChunks: 2 })
    await once(source, 'end')
    expect(texts).toEqual(['abcdefgh', 'ijklmnop'])
    expect(pool.leasedBytes).toBe(16)
    chunks[1]?.release()
    expect(texts).toHaveLength(3)
    chunks[0]?.release()
    await ended
    expect(texts.at(-1)).toBe('yz')
  })
})
