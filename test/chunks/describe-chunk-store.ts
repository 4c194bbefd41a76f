import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import type { Location } from '../../src/model/chunk.ts'
import { blockBytes, type Digest } from '../../src/model/digest.ts'
import { describeAborts } from './describe-aborts.ts'
import { inPieces, sampleChunk } from './sample-chunk.ts'
import type { SampleChunk } from './sample-chunk.ts'
import { isStored, listed, readAll, readRange } from './store-calls.ts'
import { runs } from '../support/runs.ts'

const sizes = [1, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes + 5]

/**
 * What every driver and every wrapper must do, whatever it is made of. `make` gives an empty store
 * of its own to each test, which is closed when the test is over.
 */
export function describeChunkStore(name: string, make: () => Promise<ChunkStore>): void {
  const open = async (): Promise<ChunkStore> => {
    const store = await make()
    onTestFinished(() => store.close())
    return store
  }

  describe(`${name} as a chunk store`, () => {
    describe('put', () => {
      it.each(sizes)('keeps %d bytes given in one piece', async (size) => {
        const store = await open()
        const chunk = sampleChunk(size)
        expect(await isStored(store, await store.put(chunk.digest, [chunk.bytes]), chunk)).toBe(true)
      })

      it.each([
        { size: 3000, pieceBytes: 1 },
        { size: 2048 * 3 + 1, pieceBytes: 3 },
        { size: 3 * blockBytes + 5, pieceBytes: 64 * 1024 - 1 },
        { size: 2 * blockBytes, pieceBytes: blockBytes },
      ])('keeps $size bytes given in pieces of $pieceBytes', async ({ size, pieceBytes }) => {
        const store = await open()
        const chunk = sampleChunk(size)
        const location = await store.put(chunk.digest, inPieces(chunk.bytes, pieceBytes))
        expect(await isStored(store, location, chunk)).toBe(true)
      })

      it('keeps bytes given among empty pieces', async () => {
        const store = await open()
        const chunk = sampleChunk(5000)
        const pieces = inPieces(chunk.bytes, 3).flatMap((piece) => [Buffer.alloc(0), piece])
        expect(
          await isStored(store, await store.put(chunk.digest, [...pieces, Buffer.alloc(0)]), chunk),
        ).toBe(true)
      })

      it('uses a location of its own for each write of the same bytes', async () => {
        const store = await open()
        const chunk = sampleChunk(1000)
        const locations = [
          await store.put(chunk.digest, [chunk.bytes]),
          await store.put(chunk.digest, [chunk.bytes]),
        ] as const
        expect(locations[0]).not.toBe(locations[1])
        await store.delete(locations[0])
        expect(await isStored(store, locations[1], chunk)).toBe(true)
        expect(await store.put(chunk.digest, [chunk.bytes])).not.toBe(locations[0])
      })

      it('no longer needs the pieces when it has resolved', async () => {
        const store = await open()
        const chunk = sampleChunk(10_000)
        const lent = Buffer.from(chunk.bytes)
        const location = await store.put(chunk.digest, [lent])
        lent.fill(0)
        expect(await isStored(store, location, chunk)).toBe(true)
      })

      it.each([1000, 100_000, 3 * blockBytes])(
        'no longer needs %d bytes when it has said so, which it does once and before it settles, if at all',
        async (size) => {
          const store = await open()
          const chunk = sampleChunk(size)
          // As buffers of uploads are: some stores write directly from those.
          const lent = Buffer.from(new SharedArrayBuffer(size, { maxByteLength: size }))
          chunk.bytes.copy(lent)
          const said: string[] = []
          const onTaken = () => {
            lent.fill(0)
            said.push('taken')
          }
          const location = await store.put(chunk.digest, [lent], { onTaken })
          said.push('put')
          expect(await isStored(store, location, chunk)).toBe(true)
          expect([['put'], ['taken', 'put']]).toContainEqual(said)
        },
      )
    })

    describe('read', () => {
      it('fills exactly what it is given, from any offset', async () => {
        const store = await open()
        const chunk = sampleChunk(3 * blockBytes + 5)
        const location = await store.put(chunk.digest, [chunk.bytes])
        await fc.assert(
          fc.asyncProperty(rangesOf(chunk), async ([from, to]) => {
            expect(
              (await readRange(store, location, chunk, from, to)).equals(chunk.bytes.subarray(from, to)),
            ).toBe(true)
          }),
          { numRuns: runs(60) },
        )
      })

      it('rejects not_found for a deleted chunk', async () => {
        const store = await open()
        const chunk = sampleChunk(1000)
        const location = await store.put(chunk.digest, [chunk.bytes])
        expect(await isStored(store, location, chunk)).toBe(true)
        await store.delete(location)
        await expect(readAll(store, location, chunk)).rejects.toMatchObject({ code: 'not_found' })
      })

      it.each([
        { size: 1000, from: 0, to: 1001 },
        { size: 1000, from: 999, to: 1001 },
        { size: 1000, from: 1000, to: 1001 },
        { size: 1000, from: 5000, to: 5001 },
        { size: blockBytes + 10, from: blockBytes, to: 2 * blockBytes },
      ])('rejects corrupt for $from to $to of $size bytes', async ({ size, from, to }) => {
        const store = await open()
        const chunk = sampleChunk(size)
        const location = await store.put(chunk.digest, [chunk.bytes])
        await expect(readRange(store, location, chunk, from, to)).rejects.toMatchObject({ code: 'corrupt' })
      })
    })

    describe('delete', () => {
      it('resolves when the chunk is already gone, and touches no other', async () => {
        const store = await open()
        const [gone, kept] = [sampleChunk(1000, 1), sampleChunk(1000, 2)]
        const location = await store.put(gone.digest, [gone.bytes])
        const other = await store.put(kept.digest, [kept.bytes])
        await store.delete(location)
        await store.delete(location)
        await Promise.all([store.delete(location), store.delete(location)])
        expect(await listed(store)).toEqual([{ location: other, digest: kept.digest, size: 1000 }])
      })
    })

    describe('list', () => {
      it('is empty at first', async () => {
        expect(await listed(await open())).toEqual([])
      })

      it('has each location once with its digest and its size, and always in one order', async () => {
        const store = await open()
        const expected = new Map<Location, readonly [Digest, number]>()
        for (let size = 1; size <= 40; size++) {
          const chunk = sampleChunk(size)
          expected.set(await store.put(chunk.digest, [chunk.bytes]), [chunk.digest, size])
        }
        const first = await listed(store)
        expect(first).toHaveLength(40)
        expect(new Map(first.map(({ location, digest, size }) => [location, [digest, size]]))).toEqual(
          expected,
        )
        expect(await listed(store)).toEqual(first)
      })

      it('resumes behind any location, whether that is still there or not', async () => {
        const store = await open()
        for (let seed = 0; seed < 12; seed++) {
          const chunk = sampleChunk(seed % 2 === 0 ? 10 : 70_000, seed)
          await store.put(chunk.digest, [chunk.bytes])
        }
        const all = await listed(store)
        for (const [at, { location }] of all.entries()) {
          expect(await listed(store, { after: location })).toEqual(all.slice(at + 1))
        }
        await store.delete(all[5]!.location)
        expect(await listed(store, { after: all[5]!.location })).toEqual(all.slice(6))
      })

      it('can be left before its end', async () => {
        const store = await open()
        for (const seed of [1, 2, 3]) {
          const chunk = sampleChunk(10, seed)
          await store.put(chunk.digest, [chunk.bytes])
        }
        let seen = 0
        for await (const { size } of store.list()) {
          seen += size
          break
        }
        expect(seen).toBe(10)
        expect(await listed(store)).toHaveLength(3)
      })
    })

    describe('many calls at once', () => {
      it('do not meet', async () => {
        const store = await open()
        const chunks = Array.from({ length: 48 }, (_, seed) => sampleChunk(1 + seed * 997, seed))
        const stored = await Promise.all(
          chunks.map(async (chunk) => ({ chunk, location: await store.put(chunk.digest, [chunk.bytes]) })),
        )
        expect(new Set(stored.map(({ location }) => location)).size).toBe(48)
        const unlinked = stored.filter((_, index) => index % 3 === 0)
        const kept = stored.filter((_, index) => index % 3 !== 0)
        const read = await Promise.all(
          [...stored, ...stored.toReversed()].map(({ location, chunk }) => isStored(store, location, chunk)),
        )
        expect(new Set(read)).toEqual(new Set([true]))
        const [keptRead] = await Promise.all([
          Promise.all(kept.map(({ location, chunk }) => isStored(store, location, chunk))),
          Promise.all(unlinked.map(({ location }) => store.delete(location))),
        ])
        expect(new Set(keptRead)).toEqual(new Set([true]))
        expect(await listed(store)).toHaveLength(32)
      })
    })

    describeAborts(open)

    describe('close', () => {
      it('makes every later call reject unavailable', async () => {
        const store = await open()
        const chunk = sampleChunk(1000)
        const location = await store.put(chunk.digest, [chunk.bytes])
        await store.close()
        const unavailable = { code: 'unavailable' }
        await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject(unavailable)
        await expect(readAll(store, location, chunk)).rejects.toMatchObject(unavailable)
        await expect(store.delete(location)).rejects.toMatchObject(unavailable)
        await expect(listed(store)).rejects.toMatchObject(unavailable)
      })

      it('resolves again when called again', async () => {
        const store = await open()
        await Promise.all([store.close(), store.close()])
        await expect(store.close()).resolves.toBeUndefined()
      })
    })
  })
}

/** Ranges of at least one byte; half of their ends are at, or right beside, a block border. */
function rangesOf({ bytes }: SampleChunk): fc.Arbitrary<readonly [number, number]> {
  const anywhere = fc.integer({ min: 0, max: bytes.length })
  const borders = fc
    .tuple(fc.integer({ min: 0, max: Math.ceil(bytes.length / blockBytes) }), fc.constantFrom(-1, 0, 1))
    .map(([block, beside]) => Math.min(Math.max(block * blockBytes + beside, 0), bytes.length))
  const end = fc.oneof(anywhere, borders)
  return fc
    .tuple(end, end)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
}
