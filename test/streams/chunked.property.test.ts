import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { chunked, type FilledChunk } from '../../src/streams/chunked.ts'
import { runs as timesOf } from '../support/runs.ts'

const shape = fc.record({
  chunkBytes: fc.integer({ min: 1, max: 20 }),
  pieceBytes: fc.integer({ min: 1, max: 8 }),
  maxChunks: fc.integer({ min: 1, max: 3 }),
})

/** What a client sends, as it comes off the wire. */
const runs = fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 8 })

/** Room for one chunk and nothing more. */
function smallestPool({ chunkBytes, pieceBytes }: { chunkBytes: number; pieceBytes: number }): BufferPool {
  return new BufferPool(Math.ceil(chunkBytes / pieceBytes) * pieceBytes)
}

it('any cutting of the input gives the same chunks, however late they are released', async () => {
  const isLate = fc.boolean()
  await fc.assert(
    fc.asyncProperty(shape, runs, isLate, fc.boolean(), async (given, parts, releasesLate, comesAtOnce) => {
      const pool = smallestPool(given)
      const source = new PassThrough()
      const ended = Promise.withResolvers<void>()
      const sizes: number[] = []
      const received: Uint8Array[] = []
      const shown: Uint8Array[] = []
      const take = (chunk: FilledChunk) => {
        sizes.push(chunk.size)
        received.push(...chunk.pieces.map((piece) => Uint8Array.from(piece)))
        chunk.release()
      }
      const onBytes = (bytes: Uint8Array) => shown.push(Uint8Array.from(bytes))
      chunked(source, pool, { ...given, onBytes }).subscribe({
        next: (chunk) => (releasesLate ? setImmediate(take, chunk) : take(chunk)),
        error: ended.reject,
        complete: ended.resolve,
      })
      for (const part of parts) {
        source.write(part)
        if (!comesAtOnce) await turn()
      }
      source.end()
      await ended.promise
      while (pool.leasedBytes > 0) await turn()
      const all = Buffer.concat(parts)
      expect(Buffer.concat(received)).toEqual(all)
      expect(Buffer.concat(shown)).toEqual(all)
      const { chunkBytes } = given
      const last = all.length % chunkBytes
      const full = Array.from({ length: Math.floor(all.length / chunkBytes) }, () => chunkBytes)
      expect(sizes).toEqual(last > 0 ? [...full, last] : full)
    }),
    { numRuns: timesOf(200) },
  )
})

it('whenever it is broken off, every lease comes back', async () => {
  const how = fc.constantFrom('unsubscribe', 'error', 'close')
  const moment = fc.nat({ max: 12 })
  await fc.assert(
    fc.asyncProperty(shape, runs, how, moment, async (given, parts, end, turns) => {
      const pool = smallestPool(given)
      const source = new PassThrough()
      const out: FilledChunk[] = []
      const seen: string[] = []
      const subscription = chunked(source, pool, given).subscribe({
        next: (chunk) => out.push(chunk),
        error: (error: { code?: string; message: string }) => seen.push(error.code ?? error.message),
      })
      for (const part of parts) source.write(part)
      const closed = once(source, 'close').catch(() => {})
      for (let count = 0; count < turns; count++) {
        await turn()
        if (count % 2 === 1) out.shift()?.release()
      }
      if (end === 'unsubscribe') subscription.unsubscribe()
      source.destroy(end === 'error' ? new Error('reset') : undefined)
      await closed
      const expected = { unsubscribe: [], error: ['reset'], close: ['ERR_STREAM_PREMATURE_CLOSE'] }
      expect(seen).toEqual(expected[end])
      expect(pool.waiting).toBe(0)
      for (const chunk of out) chunk.release()
      expect(pool.leasedBytes).toBe(0)
    }),
    { numRuns: timesOf(200) },
  )
})
