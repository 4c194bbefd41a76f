import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestBlocks } from '../../src/hashing/digest-blocks.ts'
import { HashThread } from '../../src/hashing/hash-thread.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { digestOfBlock } from '../../src/model/hashers.ts'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { runs } from '../support/runs.ts'

const run = promisify(execFile)
const memory = new SharedArrayBuffer(4 * blockBytes)
const shared = Buffer.from(memory)
sampleChunk(shared.length).bytes.copy(shared)

/** What they are by definition. */
function expected(bytes: Buffer): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes.length / blockBytes) }, (_, nth) =>
    digestOfBlock(bytes.subarray(nth * blockBytes, (nth + 1) * blockBytes)),
  )
  return Buffer.concat(blocks)
}

describe('digestBlocks', () => {
  it.each([0, 1, 128 * 1024 - 1, 128 * 1024, blockBytes - 1, blockBytes, blockBytes + 1, 4 * blockBytes])(
    'of %d bytes is the same on a thread and without one',
    async (size) => {
      const bytes = shared.subarray(0, size)
      const [onThread, here] = [await digestBlocks([bytes]), await digestBlocks([Buffer.from(bytes)])]
      expect(Buffer.from(onThread)).toEqual(expected(bytes))
      expect(Buffer.from(here)).toEqual(expected(bytes))
    },
  )

  it('gives the same digests however the bytes are cut and wherever the pieces lie', async () => {
    const piece = fc.record({ start: fc.nat(2 * blockBytes), length: fc.nat(2 * blockBytes) })
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (places) => {
        const pieces = places.map(({ start, length }) => shared.subarray(start, start + length))
        expect(Buffer.from(await digestBlocks(pieces))).toEqual(expected(Buffer.concat(pieces)))
      }),
      { numRuns: runs(50) },
    )
  })

  it('hashes pieces of several memories', async () => {
    const pieces = [shared, Buffer.from(new SharedArrayBuffer(blockBytes)), Buffer.alloc(3, 1)]
    expect(Buffer.from(await digestBlocks(pieces))).toEqual(expected(Buffer.concat(pieces)))
  })

  it('answers concurrent calls separately', async () => {
    const sizes = Array.from({ length: 40 }, (_, nth) => 200_000 + nth)
    const digests = await Promise.all(sizes.map((size) => digestBlocks([shared.subarray(0, size)])))
    expect(digests.map((digest) => Buffer.from(digest))).toEqual(
      sizes.map((size) => expected(shared.subarray(0, size))),
    )
  })

  it('finds the buffers of a pool in shared memory, so that threads can take them', () => {
    const pool = new BufferPool(4 * blockBytes)
    for (const size of [blockBytes, 64 * 1024]) {
      const lease = pool.tryLease(size)!
      expect(lease.bytes.buffer).toBeInstanceOf(SharedArrayBuffer)
      lease.release()
    }
  })
})

describe('a hashing thread', () => {
  it('keeps the process alive until it has answered', async () => {
    const path = fileURLToPath(new URL('../../src/hashing/digest-blocks.ts', import.meta.url))
    const script = `
      const { digestBlocks } = await import(${JSON.stringify(path)})
      const bytes = Buffer.from(new SharedArrayBuffer(${blockBytes}))
      digestBlocks([bytes]).then((digest) => console.log(Buffer.from(digest).toString('hex')))
    `
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout.trim()).toBe(digestOfBlock(Buffer.alloc(blockBytes)).toString('hex'))
  })

  it('rejects pending and later calls when it dies', async () => {
    const thread = new HashThread()
    // No memory has these bytes: what reads them throws.
    const beyond = [{ start: 0, end: 2 * memory.byteLength }]
    const lost = thread.digestBlocks(memory, beyond)
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' })
    await expect(thread.digestBlocks(memory, [{ start: 0, end: 1 }])).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(thread.waiting).toBe(0)
  })
})
