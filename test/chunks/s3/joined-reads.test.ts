import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ReadOptions } from '../../../src/chunks/chunk-store.ts'
import { JoinedReads } from '../../../src/chunks/s3/joined-reads.ts'
import type { Location } from '../../../src/model/chunk.ts'
import { sampleChunk } from '../sample-chunk.ts'
import { ObjectServer } from './object-server.ts'
import { runs } from '../../support/runs.ts'

const KiB = 1024
const block = 64 * KiB
const blocks = 8
const chunk = sampleChunk(blocks * block)
const size = chunk.bytes.length
const here = 'here' as Location

const defaults = { maxKept: 4, idleMs: 10_000 }

async function start({ options = defaults, bytes = chunk.bytes } = {}) {
  const server = await ObjectServer.open(bytes)
  const reads = new JoinedReads(server.get, options)
  onTestFinished(() => reads.close())
  const readWith = (from: number, to: number, others: Partial<ReadOptions>) => {
    const into = Buffer.alloc(to - from)
    const blockDigests = chunk.options.blockDigests
    const done = reads.read(here, from, into, { size: bytes.length, blockDigests, ...others })
    return { into, done, from, to }
  }
  const read = (from: number, to: number, signal?: AbortSignal, chunkSize = bytes.length) =>
    readWith(from, to, { size: chunkSize, ...(signal && { signal }) })
  const endOf = (index: number) => Math.min((index + 1) * block, bytes.length)
  const readBlock = (index: number, signal?: AbortSignal) => read(index * block, endOf(index), signal)
  const readBlockUntil = (index: number, until: number) =>
    readWith(index * block, endOf(index), { until: until * block })
  return { server, reads, read, readBlock, readBlockUntil }
}

function ranges(...pairs: readonly (readonly [number, number])[]): readonly string[] {
  return pairs.map(([from, to]) => `${from * block}-${to * block}`)
}

function isRight({ into, from, to }: { into: Buffer; from: number; to: number }): boolean {
  return into.equals(chunk.bytes.subarray(from, to))
}

describe('reads asked for at once', () => {
  it('share one request for just their bytes', async () => {
    const { server, readBlock } = await start()
    const read = [2, 3, 4].map((index) => readBlock(index))
    await Promise.all(read.map(({ done }) => done))
    expect(read.map(isRight)).toEqual([true, true, true])
    expect(server.ranges).toEqual(ranges([2, 5]))
  })

  it('share it with promises between them', async () => {
    const { server, readBlock } = await start()
    const done: Promise<void>[] = []
    for (let index = 0; index < blocks; index++) {
      done.push(readBlock(index).done)
      await Promise.resolve()
    }
    await Promise.all(done)
    expect(server.ranges).toEqual(ranges([0, blocks]))
  })

  it('have requests of their own where they do not follow each other', async () => {
    const { server, readBlock } = await start()
    const read = [0, 2, 3, 6].map((index) => readBlock(index))
    await Promise.all(read.map(({ done }) => done))
    expect(read.map(isRight)).toEqual([true, true, true, true])
    expect(server.ranges.toSorted()).toEqual(ranges([0, 1], [2, 4], [6, 7]).toSorted())
  })

  it('by two readers are filled for both', async () => {
    const { server, readBlock } = await start()
    const read = [0, 0, 1, 1, 2, 2].map((index) => readBlock(index))
    await Promise.all(read.map(({ done }) => done))
    expect(new Set(read.map(isRight))).toEqual(new Set([true]))
    expect(server.ranges).toHaveLength(2)
  })
})

describe('reads of a reader that says where it ends', () => {
  it.each([blocks, 5])('share one request up to there, block %d', async (until) => {
    const { server, readBlockUntil } = await start()
    for (let index = 1; index < until; index++) {
      const read = readBlockUntil(index, until)
      await read.done
      expect(isRight(read)).toBe(true)
    }
    expect(server.ranges).toEqual(ranges([1, until]))
  })

  it('share it when some are asked for at once', async () => {
    const { server, readBlockUntil } = await start()
    const early = [0, 1, 2].map((index) => readBlockUntil(index, blocks))
    await early[0]!.done
    const late = [3, 4, 5, 6, 7].map((index) => readBlockUntil(index, blocks))
    const read = [...early, ...late]
    await Promise.all(read.map(({ done }) => done))
    expect(new Set(read.map(isRight))).toEqual(new Set([true]))
    expect(server.ranges).toEqual(ranges([0, blocks]))
  })

  it('go on behind it if they must', async () => {
    const { server, readBlockUntil, readBlock } = await start()
    const read = [readBlockUntil(0, 2), readBlockUntil(1, 2)]
    await Promise.all(read.map(({ done }) => done))
    const further = readBlock(2)
    await further.done
    expect([...read, further].map(isRight)).toEqual([true, true, true])
    expect(server.ranges).toEqual(ranges([0, 2], [2, blocks]))
  })
})

describe('a read that goes on where another ends', () => {
  it('has the rest of the chunk requested, once', async () => {
    const { server, readBlock } = await start()
    for (let index = 0; index < blocks; index++) {
      const read = readBlock(index)
      await read.done
      expect(isRight(read)).toBe(true)
    }
    expect(server.ranges).toEqual(ranges([0, 1], [1, blocks]))
  })

  it('has it requested while the other is still being served', async () => {
    const { server, readBlock } = await start()
    const begin = Promise.withResolvers<void>()
    server.beginning = begin.promise
    const first = readBlock(0)
    await expect.poll(() => server.ranges).toHaveLength(1)
    const second = readBlock(1)
    await expect.poll(() => server.ranges).toEqual(ranges([0, 1], [1, blocks]))
    begin.resolve()
    await Promise.all([first.done, second.done])
    expect([isRight(first), isRight(second)]).toEqual([true, true])
  })

  it('goes on behind that one only', async () => {
    const { server, readBlock } = await start()
    await readBlock(0).done
    await readBlock(1).done
    // Somebody else, who wants this block and no other.
    await readBlock(1).done
    expect(server.ranges).toEqual(ranges([0, 1], [1, blocks], [1, 2]))
  })

  it('goes on in the same chunk', async () => {
    const { server, reads, readBlock } = await start()
    await readBlock(0).done
    const { blockDigests } = chunk.options
    await reads.read('elsewhere' as Location, block, Buffer.alloc(block), { size, blockDigests })
    expect(server.seen).toMatchObject([
      { path: '/here', range: ranges([0, 1])[0] },
      { path: '/elsewhere', range: ranges([1, 2])[0] },
    ])
  })

  it('need not be as long as the one before it', async () => {
    const { server, read } = await start()
    const cuts = [0, 10, 1000, 70_000, 70_001, 300_000, size]
    for (let index = 1; index < cuts.length; index++) {
      const piece = read(cuts[index - 1]!, cuts[index]!)
      await piece.done
      expect(isRight(piece)).toBe(true)
    }
    expect(server.ranges).toEqual(['0-10', `10-${size}`])
  })

  it('is one for itself where the other is not remembered', async () => {
    const { server, readBlock } = await start({ options: { maxKept: 0, idleMs: 10_000 } })
    for (const index of [0, 1, 2]) await readBlock(index).done
    expect(server.ranges).toEqual(ranges([0, 1], [1, 2], [2, 3]))
  })
})

describe('an idle request', () => {
  const large = sampleChunk(32 * 1024 * KiB)

  /** One of them, in the middle of a chunk. */
  async function kept(idleMs = 10_000, maxKept = 4) {
    const started = await start({ bytes: large.bytes, options: { idleMs, maxKept } })
    await started.readBlock(0).done
    await started.readBlock(1).done
    expect(started.server.ranges).toHaveLength(2)
    return started
  }

  it('pauses, with little in memory', async () => {
    const { server } = await kept()
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    const body = server.bodies[1]!
    expect(body.isPaused()).toBe(true)
    expect(body.readableLength).toBeLessThanOrEqual(128 * KiB)
    expect(server.open).toBe(1)
  })

  it('is ended after its time', async () => {
    const { server } = await kept(1)
    await expect.poll(() => server.open).toBe(0)
  })

  it('is ended when others are kept that were used later', async () => {
    const { server, read } = await kept(10_000, 2)
    const more = [5, 11].map((index) => index * 1024 * KiB)
    for (const at of more) {
      await read(at, at + block).done
      await read(at + block, at + 2 * block).done
    }
    await expect
      .poll(() => server.seen.map(({ isOpen }) => isOpen))
      .toEqual([false, false, false, true, false, true])
  })

  it('is not ended for one behind which nothing can go on', async () => {
    const { server, read, readBlock } = await kept(10_000, 1)
    await read(31 * 1024 * KiB, 32 * 1024 * KiB).done
    await readBlock(2).done
    expect(server.ranges).toHaveLength(3)
  })

  it('is ended when its chunk is deleted', async () => {
    const { server, reads, readBlock } = await kept()
    reads.drop('elsewhere' as Location)
    await readBlock(2).done
    expect(server.ranges).toHaveLength(2)
    reads.drop(here)
    await expect.poll(() => server.open).toBe(0)
  })

  it('gives its connection back when there was no more to come', async () => {
    const { server, readBlock } = await start()
    const done = Array.from({ length: blocks }, (_, index) => readBlock(index).done)
    await Promise.all(done)
    await expect.poll(() => server.bodies[0]!.readableEnded).toBe(true)
    expect(server.bodies[0]!.errored).toBeNull()
  })
})

describe('an aborted read', () => {
  const reason = new Error('nobody wants it any more')

  it('ends at once, is not written to, and those beside it get their bytes', async () => {
    const { server, readBlock } = await start()
    const begin = Promise.withResolvers<void>()
    server.beginning = begin.promise
    const controller = new AbortController()
    const read = [0, 1, 2].map((index) => readBlock(index, index === 1 ? controller.signal : undefined))
    await expect.poll(() => server.ranges).toHaveLength(1)
    controller.abort(reason)
    await expect(read[1]!.done).rejects.toBe(reason)
    read[1]!.into.fill(7)
    begin.resolve()
    await Promise.all([read[0]!.done, read[2]!.done])
    expect(read.map(isRight)).toEqual([true, false, true])
    expect(read[1]!.into.equals(Buffer.alloc(block, 7))).toBe(true)
    expect(server.ranges).toEqual(ranges([0, 3]))
  })

  it('ends the request when all that it serves are', async () => {
    const { server, readBlock } = await start()
    server.beginning = new Promise(() => {})
    const controller = new AbortController()
    const read = [0, 1].map((index) => readBlock(index, controller.signal))
    await expect.poll(() => server.open).toBe(1)
    controller.abort(reason)
    for (const { done } of read) await expect(done).rejects.toBe(reason)
    await expect.poll(() => server.open).toBe(0)
  })

  it('is never requested if it comes before that', async () => {
    const { server, readBlock } = await start()
    const controller = new AbortController()
    const { done } = readBlock(0, controller.signal)
    controller.abort(reason)
    await expect(done).rejects.toBe(reason)
    const next = readBlock(1)
    await next.done
    expect(isRight(next)).toBe(true)
    expect(server.ranges).toEqual(ranges([1, 2]))
    expect(server.asked).toBe(1)
  })
})

describe('an object that is shorter than its chunk', () => {
  const short = chunk.bytes.subarray(0, block + 10)

  it('rejects corrupt for what is behind its end, and gives what is in front of it', async () => {
    const { read } = await start({ bytes: short })
    const inside = read(0, block, undefined, size)
    const across = read(block, 2 * block, undefined, size)
    const behind = read(2 * block, 3 * block, undefined, size)
    await inside.done
    expect(isRight(inside)).toBe(true)
    for (const { done } of [across, behind]) await expect(done).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('rejects corrupt for a read behind its end', async () => {
    const { read } = await start({ bytes: short })
    await read(0, 10, undefined, size).done
    await read(10, block + 10, undefined, size).done
    const behind = read(block + 10, block + 20, undefined, size)
    await expect(behind.done).rejects.toMatchObject({
      code: 'corrupt',
      message: `The chunk at here ends at byte ${block + 10}.`,
    })
  })
})

describe('a request that fails', () => {
  it('fails all that it serves, and the next read makes another', async () => {
    const { server, readBlock } = await start()
    server.breakAfter = block + 100
    const read = [0, 1, 2].map((index) => readBlock(index))
    await read[0]!.done
    for (const { done } of read.slice(1)) await expect(done).rejects.toMatchObject({ code: 'ECONNRESET' })
    server.breakAfter = Infinity
    const again = readBlock(1)
    await again.done
    expect([isRight(read[0]!), isRight(again)]).toEqual([true, true])
    expect(server.ranges).toEqual(ranges([0, 3], [1, 2]))
  })

  it('before it has begun to answer fails them, too', async () => {
    const { server, reads } = await start()
    const { blockDigests } = chunk.options
    const read = (from: number) =>
      reads.read('missing' as Location, from, Buffer.alloc(10), { size, blockDigests })
    const outcomes = await Promise.allSettled([read(0), read(10)])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'status 404' } },
      { status: 'rejected', reason: { message: 'status 404' } },
    ])
    expect(server.ranges).toEqual(['0-20'])
  })
})

it('whatever is read and aborted, in whatever order, buffers get their bytes or are left alone', async () => {
  const { server, read } = await start({ options: { maxKept: 2, idleMs: 10_000 } })
  const step = fc.record({
    offset: fc.integer({ min: 0, max: 2 * blocks - 1 }).map((half) => (half * block) / 2),
    halves: fc.integer({ min: 1, max: 4 }),
    goesOn: fc.boolean(),
    isAborted: fc.integer({ min: 0, max: 4 }).map((die) => die === 0),
    turns: fc.integer({ min: 0, max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      let at = 0
      const outcomes: Promise<boolean>[] = []
      const reused: Buffer[] = []
      for (const { offset, halves, goesOn, isAborted, turns } of steps) {
        const from = goesOn && at < size ? at : offset
        at = Math.min(size, from + (halves * block) / 2)
        const controller = new AbortController()
        const piece = read(from, at, controller.signal)
        outcomes.push(
          piece.done.then(
            () => isRight(piece),
            (error: unknown) => {
              reused.push(piece.into.fill(7))
              return error === 'aborted'
            },
          ),
        )
        for (let turn = 0; turn < turns; turn++) {
          await new Promise((resolve) => {
            setImmediate(resolve)
          })
        }
        if (isAborted) controller.abort('aborted')
      }
      expect(new Set(await Promise.all(outcomes))).toEqual(new Set([true]))
      expect(reused.every((into) => into.every((byte) => byte === 7))).toBe(true)
    }),
    { numRuns: runs(150) },
  )
  // No more are left open than may be kept.
  await expect.poll(() => server.open).toBeLessThanOrEqual(2)
})
