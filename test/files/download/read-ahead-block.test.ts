import { lastValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import type { FileStore } from '../../../src/files/state/file-store.ts'
import { ReadAheadBlock } from '../../../src/files/download/read-ahead-block.ts'
import { planBlocks } from '../../../src/files/download/plan-blocks.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { uploadBytes } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { expectIdle } from '../../robustness/store-contents.ts'

const bytes = sampleChunk(2 * blockBytes, 1).bytes

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
  await uploadBytes(faultyFileStore(parts, { chunkSize: 2 * blockBytes }).store, 'file', bytes)
})
afterAll(() => parts.close())

async function blocksOf(store: FileStore, isFast = false): Promise<readonly ReadAheadBlock[]> {
  const file = await store.catalog.findFile(defaultSpace, { name: parseFileName('file') })
  const limited = store.reading.queue()
  const blocks: ReadAheadBlock[] = []
  for await (const planned of planBlocks(store.catalog, file!, { start: 0, end: file!.size })) {
    blocks.push(new ReadAheadBlock(store, planned, limited, { isFast }))
  }
  return blocks
}

async function useOnce(block: ReadAheadBlock): Promise<Buffer> {
  const right = await lastValueFrom(block.acquire())
  const copy = Buffer.from(right.bytes)
  right.release()
  return copy
}

const readAhead = (block: ReadAheadBlock) => lastValueFrom(block.readAhead(), { defaultValue: undefined })

describe('a held block', () => {
  it('is read once, however often it is used', async () => {
    const { store, faults } = faultyFileStore(parts)
    const [block] = await blocksOf(store)
    await readAhead(block!)
    for (let again = 0; again < 3; again++) {
      expect((await useOnce(block!)).equals(bytes.subarray(0, blockBytes))).toBe(true)
      block!.idle()
    }
    expect(faults.calls.read).toBe(1)
    block!.release()
    await expectIdle(store)
  })

  it.each([
    { isFast: true, until: 2 * blockBytes },
    { isFast: false, until: undefined },
  ])(
    'tells the store where its client is going to end only if that is fast: $isFast',
    async ({ isFast, until }) => {
      const asked: (number | undefined)[] = []
      const wrapChunks = (inner: ChunkStore): ChunkStore => ({
        put: (...args) => inner.put(...args),
        read: (location, offset, into, options) => {
          asked.push(options.until)
          return inner.read(location, offset, into, options)
        },
        delete: (...args) => inner.delete(...args),
        list: (...args) => inner.list(...args),
        close: () => inner.close(),
      })
      const { store } = faultyFileStore(parts, { wrapChunks })
      for (const block of await blocksOf(store, isFast)) {
        await useOnce(block)
        block.release()
      }
      expect(asked).toEqual([until, until])
      await expectIdle(store)
    },
  )

  it('gives its buffer to waiting readers, and is read again when it is used', async () => {
    const { store, faults } = faultyFileStore(parts, { maxBufferMemory: blockBytes })
    const [first, second] = await blocksOf(store)
    await readAhead(first!)
    expect((await useOnce(second!)).equals(bytes.subarray(blockBytes))).toBe(true)
    second!.idle()
    expect((await useOnce(first!)).equals(bytes.subarray(0, blockBytes))).toBe(true)
    expect(faults.calls.read).toBe(3)
    first!.release()
    second!.release()
    await expectIdle(store)
  })

  it('keeps its buffer while it is used', async () => {
    const { store } = faultyFileStore(parts, { maxBufferMemory: blockBytes })
    const [first, second] = await blocksOf(store)
    const right = await lastValueFrom(first!.acquire())
    const waiting = useOnce(second!)
    expect(store.pool.waiting).toBe(1)
    first!.release()
    expect(store.pool.waiting).toBe(1)
    expect(right.bytes.equals(bytes.subarray(0, blockBytes))).toBe(true)
    right.release()
    expect((await waiting).equals(bytes.subarray(blockBytes))).toBe(true)
    second!.release()
    await expectIdle(store)
  })

  it('is not read ahead where that would mean to wait for a buffer', async () => {
    const { store, faults } = faultyFileStore(parts, { maxBufferMemory: blockBytes })
    const [first, second] = await blocksOf(store)
    await readAhead(first!)
    await readAhead(second!)
    expect(faults.calls.read).toBe(1)
    first!.release()
    await expectIdle(store)
  })

  it('that is not wanted any more while it is read gives its buffer back', async () => {
    const { store, faults } = faultyFileStore(parts, { plan: [{ on: 'read', call: 1, kind: 'hang' }] })
    const [block] = await blocksOf(store)
    const reading = block!.readAhead().subscribe()
    await eventually(() => expect(faults.calls.read).toBe(1))
    expect(store.pool.leasedBytes).toBe(blockBytes)
    reading.unsubscribe()
    block!.release()
    await expectIdle(store)
  })

  it('can be dropped before it was read, and twice', async () => {
    const { store } = faultyFileStore(parts)
    const [block] = await blocksOf(store)
    block!.release()
    await readAhead(block!)
    block!.release()
    block!.release()
    await expectIdle(store)
  })

  it('whose read fails passes the failure on, and gives its buffer back', async () => {
    const { store } = faultyFileStore(parts, { plan: [{ on: 'read', call: 1, kind: 'flip-bit' }] })
    const [block] = await blocksOf(store)
    await expect(useOnce(block!)).rejects.toMatchObject({ code: 'corrupt' })
    await expectIdle(store)
    expect((await useOnce(block!)).equals(bytes.subarray(0, blockBytes))).toBe(true)
    block!.release()
    await expectIdle(store)
  })
})
