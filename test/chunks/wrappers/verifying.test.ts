import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import { MemoryChunkStore } from '../../../src/chunks/memory/memory-chunk-store.ts'
import { verifying } from '../../../src/chunks/wrappers/verifying.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { faulty } from '../../support/faulty.ts'
import { describeChunkStore } from '../describe-chunk-store.ts'
import { flipBitOfFile } from '../flip-bit-of-file.ts'
import { sampleChunk } from '../sample-chunk.ts'
import { isStored, readAll, readRange } from '../store-calls.ts'

describeChunkStore('verifying', async () => verifying(new MemoryChunkStore()))

const size = 3 * blockBytes + 5
const chunk = sampleChunk(size)
const zeros = Buffer.alloc(size)

// One store for all: every test has chunks of its own.
let directory: string
let disk: DiskChunkStore
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  disk = await DiskChunkStore.open(directory)
})
afterAll(async () => {
  await disk.close()
  await rm(directory, { recursive: true, force: true })
})

/** The chunk at a location of its own, and the file to damage there. */
async function stored() {
  const location = await disk.put(chunk.digest, [chunk.bytes])
  return { store: verifying(disk), location, path: join(directory, location) }
}

describe('one flipped bit', () => {
  it.each([
    { at: 0, block: 0 },
    { at: blockBytes - 1, block: 0 },
    { at: blockBytes, block: 1 },
    { at: blockBytes + 1234, block: 1 },
    { at: 2 * blockBytes - 1, block: 1 },
    { at: 3 * blockBytes - 1, block: 2 },
    { at: 3 * blockBytes, block: 3 },
    { at: size - 1, block: 3 },
  ])('of byte $at is found in every read that needs block $block', async ({ at, block }) => {
    const { store, location, path } = await stored()
    expect(await isStored(store, location, chunk)).toBe(true)
    await flipBitOfFile(path, at)
    const from = block * blockBytes
    const to = Math.min(from + blockBytes, size)
    const ranges = [
      [0, size],
      [from, to],
      [from, from + 1],
      [to - 1, to],
      [from + 1, to - 1],
      [from + 1, size],
      [0, to - 1],
    ] as const
    for (const [first, end] of ranges) {
      const into = Buffer.alloc(end - first, 1)
      await expect(store.read(location, first, into, chunk.options)).rejects.toMatchObject({
        code: 'corrupt',
        message: `Block ${block} of the chunk at ${location} is damaged.`,
      })
      expect(into.equals(zeros.subarray(0, into.length))).toBe(true)
    }
  })

  it('hurts no read of the blocks beside it', async () => {
    const { store, location, path } = await stored()
    await flipBitOfFile(path, blockBytes + 1)
    const before = await readRange(store, location, chunk, 5, blockBytes)
    const behind = await readRange(store, location, chunk, 2 * blockBytes, size)
    expect(before.equals(chunk.bytes.subarray(5, blockBytes))).toBe(true)
    expect(behind.equals(chunk.bytes.subarray(2 * blockBytes))).toBe(true)
  })

  it('is found when it happens on the way, and only in that read', async () => {
    const plan = [{ on: 'read', call: 2, kind: 'flip-bit', byte: blockBytes }] as const
    const store = verifying(faulty(new MemoryChunkStore(), plan))
    const location = await store.put(chunk.digest, [chunk.bytes])
    expect(await isStored(store, location, chunk)).toBe(true)
    await expect(readAll(store, location, chunk)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await isStored(store, location, chunk)).toBe(true)
  })
})

describe('a file that was cut off', () => {
  it.each([0, 1, blockBytes - 1, blockBytes, 2 * blockBytes, size - 5, size - 1])(
    'after %d bytes is found in every read that needs the rest',
    async (left) => {
      const { store, location, path } = await stored()
      await truncate(path, left)
      const lastBlock = Math.floor(left / blockBytes) * blockBytes
      for (const [from, to] of [
        [0, size],
        [lastBlock, size],
        [lastBlock, lastBlock + 1],
        [size - 1, size],
      ] as const) {
        const into = Buffer.alloc(to - from, 1)
        await expect(store.read(location, from, into, chunk.options)).rejects.toMatchObject({
          code: 'corrupt',
        })
        expect(into.equals(zeros.subarray(0, into.length))).toBe(true)
      }
    },
  )
})

describe('reads the covering blocks and no more', () => {
  it.each([
    { name: 'one whole block', from: blockBytes, to: 2 * blockBytes, reads: [[1, 2]] },
    { name: 'all of the chunk', from: 0, to: size, reads: [[0, 4]] },
    { name: 'the short last block', from: 3 * blockBytes, to: size, reads: [[3, 4]] },
    { name: 'a byte', from: 7, to: 8, reads: [[0, 1]] },
    { name: 'part of the short last block', from: size - 2, to: size - 1, reads: [[3, 4]] },
    {
      name: 'across a border',
      from: blockBytes - 1,
      to: blockBytes + 1,
      reads: [
        [0, 1],
        [1, 2],
      ],
    },
    {
      name: 'whole blocks, then part of one',
      from: 0,
      to: 2 * blockBytes + 1,
      reads: [
        [0, 2],
        [2, 3],
      ],
    },
    {
      name: 'part of one, then whole blocks to the end',
      from: 1,
      to: size,
      reads: [
        [0, 1],
        [1, 4],
      ],
    },
    {
      name: 'parts at both ends',
      from: 1,
      to: size - 1,
      reads: [
        [0, 1],
        [1, 3],
        [3, 4],
      ],
    },
  ])('for $name', async ({ from, to, reads }) => {
    const seen: (readonly [number, number])[] = []
    const store = verifying(recordingReads(new MemoryChunkStore(), seen))
    const location = await store.put(chunk.digest, [chunk.bytes])
    expect((await readRange(store, location, chunk, from, to)).equals(chunk.bytes.subarray(from, to))).toBe(
      true,
    )
    expect(seen).toEqual(
      reads.map(([first = 0, end = 0]) => [first * blockBytes, Math.min(end * blockBytes, size)]),
    )
  })
})

it('leaves zeros when a later part of the read fails', async () => {
  const store = verifying(faulty(new MemoryChunkStore(), [{ on: 'read', call: 2, kind: 'refuse' }]))
  const location = await store.put(chunk.digest, [chunk.bytes])
  const into = Buffer.alloc(size - 1, 1)
  await expect(store.read(location, 1, into, chunk.options)).rejects.toMatchObject({ code: 'unavailable' })
  expect(into.equals(zeros.subarray(1))).toBe(true)
})

it('refuses block digests that are not those of a chunk of that size', async () => {
  const store = verifying(new MemoryChunkStore())
  const location = await store.put(chunk.digest, [chunk.bytes])
  const { blockDigests } = chunk.options
  for (const options of [
    { blockDigests: blockDigests.subarray(32), size },
    { blockDigests: blockDigests.subarray(1), size },
    { blockDigests: new Uint8Array(), size },
    { blockDigests, size: 3 * blockBytes },
    { blockDigests, size: Number.NaN },
  ]) {
    await expect(store.read(location, 0, Buffer.alloc(1), options)).rejects.toBeInstanceOf(TypeError)
  }
})

function recordingReads(store: ChunkStore, seen: (readonly [number, number])[]): ChunkStore {
  return {
    put: (digest, pieces, options) => store.put(digest, pieces, options),
    delete: (location, options) => store.delete(location, options),
    list: (options) => store.list(options),
    close: () => store.close(),
    read: (location, offset, into, options) => {
      seen.push([offset, offset + into.length])
      return store.read(location, offset, into, options)
    },
  }
}
