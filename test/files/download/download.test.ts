import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blockBytes } from '../../../src/model/digest.ts'
import { parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { gatedReads } from '../../robustness/gated-reads.ts'
import { Collector, readBack, sendTo } from '../../robustness/read-back.ts'
import { uploadBytes } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { SlowSink } from '../../robustness/slow-sink.ts'
import { expectIdle } from '../../robustness/store-contents.ts'
import { runs } from '../../support/runs.ts'

const MiB = 1024 * 1024
/** 13 blocks in chunks of 2.5 blocks: borders of both kinds, and a last block that is short. */
const bytes = sampleChunk(10 * MiB + 12_345, 1).bytes
const other = sampleChunk(10 * MiB, 2).bytes
const small = sampleChunk(1000, 3).bytes
const chunkSize = 2.5 * MiB
const blocks = 13

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
  const { store } = faultyFileStore(parts, { chunkSize })
  await uploadBytes(store, 'file', bytes)
  await uploadBytes(store, 'other', other)
  await uploadBytes(store, 'small', small)
})
afterAll(() => parts.close())

describe('a download', () => {
  it('of any range is that range', async () => {
    const { store } = faultyFileStore(parts)
    const borders = [0, 1, blockBytes, 2 * blockBytes, chunkSize, chunkSize + blockBytes, bytes.length]
    const position = fc.oneof(
      fc
        .tuple(fc.constantFrom(...borders), fc.integer({ min: -1, max: 1 }))
        .map(([border, more]) => Math.min(bytes.length, Math.max(0, border + more))),
      fc.nat(bytes.length),
    )
    await fc.assert(
      fc.asyncProperty(position, position, async (one, two) => {
        const range = { start: Math.min(one, two), end: Math.max(one, two) }
        const read = await readBack(store, 'file', range)
        expect(read.equals(bytes.subarray(range.start, range.end))).toBe(true)
      }),
      { numRuns: runs(60) },
    )
    await expectIdle(store)
  })

  it('with a window of 8 passes through a pool of 2 blocks', async () => {
    const { store } = faultyFileStore(parts, { maxBufferMemory: 2 * MiB })
    expect((await readBack(store, 'file')).equals(bytes)).toBe(true)
    await expectIdle(store)
  })

  it('passes through a pool of one block and a piece', async () => {
    const { store } = faultyFileStore(parts, {
      maxBufferMemory: MiB + 16 * 1024,
      maxDownloadConcurrencyPerFile: 1,
    })
    expect((await readBack(store, 'file')).equals(bytes)).toBe(true)
    await expectIdle(store)
  })

  it('shares a tiny pool with another, whose reader crawls', async () => {
    const { store } = faultyFileStore(parts, { maxBufferMemory: 3 * MiB })
    const sink = new SlowSink(5)
    const slow = sendTo(store, 'other', sink)
    await eventually(() => expect(sink.bytes.length).toBeGreaterThan(0))
    for (let again = 0; again < 3; again++) expect((await readBack(store, 'file')).equals(bytes)).toBe(true)
    sink.open()
    await slow
    expect(sink.bytes.equals(other)).toBe(true)
    await expectIdle(store)
  })

  it('is one of many that share a pool too small for their windows', async () => {
    const { store } = faultyFileStore(parts, { maxBufferMemory: 8 * MiB })
    const read = await Promise.all(Array.from({ length: 24 }, () => readBack(store, 'file')))
    expect(read.filter((one) => one.equals(bytes))).toHaveLength(24)
    await expectIdle(store)
  })

  it('whose reader stopped gives its blocks to others, and reads them again later', async () => {
    const { store, faults } = faultyFileStore(parts, { maxBufferMemory: 8 * MiB })
    const sink = new SlowSink()
    const stalled = sendTo(store, 'other', sink)
    // The window is full: 7 blocks wait, and of the first a piece is being written.
    await eventually(() => expect(store.pool.leasedBytes).toBeGreaterThanOrEqual(7 * MiB))
    await eventually(() => expect(store.reading.running).toBe(0))
    expect((await readBack(store, 'file')).equals(bytes)).toBe(true)
    const readsBefore = faults.calls.read
    sink.open()
    await stalled
    expect(sink.bytes.equals(other)).toBe(true)
    // 12 blocks, of which at most 8 had been read before.
    expect(faults.calls.read - readsBefore).toBeGreaterThan(12 - 8)
    await expectIdle(store)
  })

  it('whose reader does not move keeps no more than one small piece from the others', async () => {
    const { store } = faultyFileStore(parts, { maxBufferMemory: 8 * MiB })
    const sinks = Array.from({ length: 12 }, () => new SlowSink())
    const stalled = sinks.map((sink) => sendTo(store, 'other', sink))
    for (const sink of sinks) await sink.take()
    expect((await readBack(store, 'file')).equals(bytes)).toBe(true)
    for (const sink of sinks) sink.destroy()
    for (const one of stalled) await expect(one).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    await expectIdle(store)
  })

  it('of a small file does not wait for the reads of a large one', async () => {
    const reads = gatedReads(parts.chunks)
    const { store } = faultyFileStore({ ...parts, chunks: reads }, { maxDownloadConcurrency: 2 })
    const large = readBack(store, 'file')
    await eventually(() => expect(store.reading).toMatchObject({ running: 2, waiting: 6 }))
    const file = await parts.catalog.findFile(defaultSpace, { name: parseFileName('small') })
    const [chunk] = await parts.catalog.listChunks(file!.id, 0, 1)
    const little = readBack(store, 'small')
    await eventually(() => expect(store.reading.waiting).toBe(7))
    await reads.letOne()
    await reads.letOne()
    await eventually(() => expect(reads.begun).toHaveLength(4))
    expect(reads.begun).toContain(chunk!.location)
    reads.letAll()
    expect((await little).equals(small)).toBe(true)
    expect((await large).equals(bytes)).toBe(true)
    await expectIdle(store)
  })
})

describe('a download whose stream closes', () => {
  it.each([0, 1, 8, 70])('after %d writes ends at once', async (writes) => {
    const { store } = faultyFileStore(parts)
    const sink = new SlowSink()
    const sent = sendTo(store, 'file', sink)
    for (let taken = 0; taken < writes; taken++) await sink.take()
    sink.destroy()
    await expect(sent).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    await expectIdle(store)
  })

  it('while its reads hang or wait gives them up', async () => {
    const { store, faults } = faultyFileStore(parts, {
      maxDownloadConcurrency: 2,
      plan: [{ on: 'read', call: 'every', kind: 'hang' }],
    })
    const sink = new Collector()
    const sent = sendTo(store, 'file', sink)
    await eventually(() => expect(store.reading).toMatchObject({ running: 2, waiting: 6 }))
    expect(faults.calls.read).toBe(2)
    sink.destroy()
    await expect(sent).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    await expectIdle(store)
  })

  it('keeps a buffer until the read that fills it has ended', async () => {
    const reads = gatedReads(parts.chunks)
    const { store } = faultyFileStore({ ...parts, chunks: reads }, { maxDownloadConcurrencyPerFile: 2 })
    const sink = new Collector()
    const sent = sendTo(store, 'file', sink)
    await eventually(() => expect(reads.begun).toHaveLength(2))
    sink.destroy()
    await expect(sent).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    expect(store.pool.leasedBytes).toBe(2 * MiB)
    reads.letAll()
    await expectIdle(store)
  })

  it('had closed before reads nothing', async () => {
    const { store, faults } = faultyFileStore(parts)
    const sink = new Collector()
    sink.destroy()
    await expect(sendTo(store, 'file', sink)).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    expect(faults.calls.read).toBe(0)
    await expectIdle(store)
  })
})

describe('a read that fails', () => {
  const kinds = [
    { kind: 'flip-bit', code: 'corrupt' },
    { kind: 'refuse', code: 'unavailable' },
  ] as const
  const calls = Array.from({ length: blocks }, (_, index) => index + 1)

  it.each(kinds.flatMap(({ kind, code }) => calls.map((call) => ({ kind, code, call }))))(
    'by $kind at block $call ends the download behind the block before',
    async ({ kind, code, call }) => {
      // One at a time, so that calls are counted in the order of the blocks.
      const { store } = faultyFileStore(parts, {
        maxDownloadConcurrency: 1,
        plan: [{ on: 'read', call, kind }],
      })
      const sink = new Collector()
      await expect(sendTo(store, 'file', sink)).rejects.toMatchObject({ code })
      // Each chunk has blocks of 1, 1 and 0.5 MiB.
      const whole = Math.floor((call - 1) / 3) * chunkSize + ((call - 1) % 3) * MiB
      expect(sink.bytes.equals(bytes.subarray(0, whole))).toBe(true)
      await expectIdle(store)
    },
  )
})
