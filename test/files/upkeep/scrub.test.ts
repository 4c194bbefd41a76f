import assert from 'node:assert/strict'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import type { FileStore, FileStoreOptions } from '../../../src/files/state/file-store.ts'
import { scrubRegularly } from '../../../src/files/upkeep/scrub-regularly.ts'
import { Scrub, scrubBatch, type Damage, type ScrubOptions } from '../../../src/files/upkeep/scrub.ts'
import type { Clock } from '../../../src/files/upkeep/throttle.ts'
import { createMetrics } from '../../../src/http/server/metrics.ts'
import type { FileChunk, Location } from '../../../src/model/chunk.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { readBack } from '../../robustness/read-back.ts'
import { uploadBytes } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { expectIdle } from '../../robustness/store-contents.ts'
import type { Fault } from '../../support/faulty.ts'

const day = 86_400_000
const MiB = 1024 * 1024
const chunkSize = 64 * 1024
const options: ScrubOptions = { scrubRate: MiB, scrubIntervalMs: 7 * day }

/** Time passes only where somebody waits, and then at once. */
class Calendar implements Clock {
  time = Date.now()
  passed = 0
  onWait: (ms: number) => void = () => {}

  readonly now = () => Math.floor(this.time)

  readonly wait = async (ms: number, signal: AbortSignal) => {
    signal.throwIfAborted()
    this.time += ms
    this.passed += ms
    this.onWait(ms)
  }
}

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

// What one test has stored is not due in the next.
afterEach(async () => {
  const { store } = faultyFileStore(parts)
  const { files } = await store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 100 })
  for (const { id } of files) await store.catalog.deleteFile(defaultSpace, { id })
  await eventually(async () => {
    await collectGarbage(store)
    assert.deepEqual(await store.catalog.listAllChunks(undefined, 1), [])
  })
})

function start(plan: readonly Fault[] = [], storeOptions: Partial<FileStoreOptions> = {}) {
  const { chunks } = parts
  const damaged = new Set<Location>()
  const damaging = (wrapped: ChunkStore): ChunkStore => ({
    ...wrapped,
    read: async (location, offset, into, readOptions) => {
      await wrapped.read(location, offset, into, readOptions)
      if (damaged.has(location)) into[0]! ^= 1
    },
  })
  const { store, background } = faultyFileStore(parts, {
    plan,
    wrapChunks: damaging,
    ...storeOptions,
  })
  const calendar = new Calendar()
  const found: Damage[] = []
  const checked: number[] = []
  const report = {
    checked: (bytes: number) => checked.push(bytes),
    found: (damage: Damage) => found.push(damage),
  }
  const over = new AbortController()
  const scrub = new Scrub(store, options, report, calendar)
  const run = () => scrub.run(over.signal)
  /** A later pass, in which everything is due that was not checked in between. */
  const runAfter = (ms: number) => {
    calendar.time += ms
    return run()
  }
  /** Damages the first chunk of a file, and makes the second one disappear. */
  const harm = async (name: string) => {
    const [first, second] = await chunksOf(store, name)
    damaged.add(first!.location)
    await chunks.delete(second!.location)
  }
  const metrics = createMetrics(store)
  const gauge = async () => {
    const text = await metrics.registry.metrics()
    return ['damaged', 'missing'].map((condition) => {
      const line = new RegExp(`^ashlar_chunks_not_sound\\{condition="${condition}"\\} (.*)$`, 'm')
      return line.exec(text)?.[1]
    })
  }
  const watch = { found, checked, background, gauge }
  return { store, calendar, over, report, run, runAfter, harm, damaged, ...watch }
}

const given = (store: FileStore, name: string, size: number, seed: number) =>
  uploadBytes(store, name, sampleChunk(size, seed).bytes)

async function chunksOf(store: FileStore, name: string): Promise<readonly FileChunk[]> {
  const file = await store.catalog.findFile(defaultSpace, { name: parseFileName(name) })
  return store.catalog.listChunks(file!.id, 0, 1000)
}

describe('a chunk is read', () => {
  it('when it was stored long enough ago, and again when it was read so long ago', async () => {
    const { store, checked, run, runAfter } = start()
    await given(store, 'file', 3 * chunkSize, 1)
    await run()
    expect(checked).toEqual([])
    await runAfter(6 * day)
    expect(checked).toEqual([])
    await runAfter(day + 60_000)
    expect(checked).toEqual([chunkSize, chunkSize, chunkSize])
    await runAfter(6 * day)
    expect(checked).toHaveLength(3)
    await runAfter(day + 1)
    expect(checked).toHaveLength(6)
  })

  it('once in a pass, also where the pass is ended and begun again', async () => {
    const { store, checked, calendar, over, run, report } = start()
    await given(store, 'file', 20 * chunkSize, 2)
    calendar.time += 8 * day
    calendar.onWait = () => {
      if (checked.length === 7) over.abort()
    }
    await expect(run()).rejects.toThrow('aborted')
    expect(checked).toHaveLength(7)
    // As another server would that has only the catalog.
    await new Scrub(store, options, report, calendar).run(new AbortController().signal)
    expect(checked).toHaveLength(20)
    await expectIdle(store)
  })

  it('in as many batches as it takes', async () => {
    const { store, checked, runAfter } = start([], { chunkSize: 100 })
    await given(store, 'file', 100 * (2 * scrubBatch + 1), 3)
    await runAfter(8 * day)
    expect(checked).toHaveLength(2 * scrubBatch + 1)
  })

  it('at the rate, block by block, and what is small for 64 KiB of it', async () => {
    const { store, calendar, runAfter } = start([], { chunkSize: 4 * blockBytes })
    // By location, and so by digest here, the large one comes first.
    await given(store, 'large', 4 * blockBytes, 10)
    await given(store, 'small', 10, 5)
    await given(store, 'smaller', 9, 5)
    for (const [at, name] of ['large', 'small', 'smaller'].entries()) {
      const [{ digest, location }] = (await chunksOf(store, name)) as [FileChunk]
      await store.catalog.saveChecks([{ digest, location }], at)
    }
    const waits: number[] = []
    calendar.onWait = (ms) => waits.push(ms)
    await runAfter(8 * day)
    expect(waits.map(Math.round)).toEqual([1000, 1000, 1000, 1000, 63])
  })
})

describe('what is not sound', () => {
  it('is reported once, with the files that it belongs to, and counted, and not deleted', async () => {
    const { store, found, run, runAfter, harm, gauge, background } = start()
    await given(store, 'first', 3 * chunkSize, 7)
    await given(store, 'folder/second', 3 * chunkSize, 7)
    await harm('first')
    expect(await gauge()).toEqual(['0', '0'])
    await runAfter(8 * day)
    const holders = ['first', 'folder/second'].map((name) =>
      expect.objectContaining({ name, isUpload: false }),
    )
    expect(found).toHaveLength(2)
    for (const condition of ['damaged', 'missing']) {
      expect(found).toContainEqual(expect.objectContaining({ condition, holders }))
    }
    expect(await gauge()).toEqual(['1', '1'])
    await run()
    await runAfter(8 * day)
    expect(found).toHaveLength(2)
    expect(await collectGarbage(store)).toEqual({ uploads: 0, chunks: 0, bytes: 0 })
    expect(background).toEqual([])
    await expect(readBack(store, 'first')).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('is mended when the same content is sent again, and no longer counted', async () => {
    const { store, found, runAfter, harm, gauge } = start()
    await given(store, 'file', 3 * chunkSize, 8)
    await harm('file')
    await runAfter(8 * day)
    expect(await gauge()).toEqual(['1', '1'])
    await given(store, 'again', 3 * chunkSize, 8)
    expect(await gauge()).toEqual(['0', '0'])
    expect((await readBack(store, 'file')).equals(sampleChunk(3 * chunkSize, 8).bytes)).toBe(true)
    await runAfter(8 * day)
    expect(await gauge()).toEqual(['0', '0'])
    expect(found).toHaveLength(2)
  })

  it('is counted no more when nobody has it any more', async () => {
    const { store, runAfter, harm, gauge } = start()
    await given(store, 'file', 3 * chunkSize, 9)
    await harm('file')
    await runAfter(8 * day)
    await store.catalog.deleteFile(defaultSpace, { name: parseFileName('file') })
    await eventually(async () => {
      await collectGarbage(store)
      expect(await gauge()).toEqual(['0', '0'])
    })
  })

  it('is looked at again within an hour, in case that somebody has brought it back', async () => {
    const { store, found, checked, runAfter, harm, damaged, gauge } = start()
    await given(store, 'file', 3 * chunkSize, 10)
    const [first] = await chunksOf(store, 'file')
    await harm('file')
    await runAfter(8 * day)
    damaged.delete(first!.location)
    await runAfter(day / 24 + 1)
    expect(checked).toHaveLength(5)
    expect(await gauge()).toEqual(['0', '1'])
    damaged.add(first!.location)
    await runAfter(8 * day)
    expect(found.map(({ condition }) => condition).toSorted()).toEqual(['damaged', 'damaged', 'missing'])
  })

  it('is not what was collected while it was being read', async () => {
    const { store, found, calendar, runAfter, gauge } = start()
    await given(store, 'file', 3 * chunkSize, 11)
    let removed: Promise<unknown> | undefined
    calendar.onWait = () => {
      removed ??= (async () => {
        await store.catalog.deleteFile(defaultSpace, { name: parseFileName('file') })
        await store.catalog.collectChunks({ unlinkedBefore: Date.now() + 1, inUse: [], limit: 10 })
        await collectGarbage(store)
      })()
    }
    const wait = calendar.wait
    Object.assign(calendar, {
      wait: async (ms: number, signal: AbortSignal) => {
        await wait(ms, signal)
        await removed
      },
    })
    await runAfter(8 * day)
    expect(removed).toBeDefined()
    expect(found).toEqual([])
    expect(await gauge()).toEqual(['0', '0'])
  })
})

describe('a disk that cannot say', () => {
  it('how one chunk is has the others checked all the same, and that one put off', async () => {
    const { store, found, checked, runAfter, gauge, background } = start([
      { on: 'read', call: 2, kind: 'refuse' },
    ])
    await given(store, 'file', 4 * chunkSize, 12)
    await runAfter(8 * day)
    expect(checked).toHaveLength(3)
    expect(background).toMatchObject([{ error: { code: 'unavailable' }, doing: 'verifying chunks' }])
    await runAfter(day)
    expect(checked).toHaveLength(3)
    await runAfter(7 * day)
    expect(checked).toHaveLength(7)
    expect(found).toEqual([])
    expect(await gauge()).toEqual(['0', '0'])
  })

  it('how any of them is ends the run, which is made up for', async () => {
    const plan: Fault[] = [{ on: 'read', call: 'every', kind: 'refuse' }]
    const { store, checked, run, runAfter, background } = start(plan)
    await given(store, 'file', 4 * chunkSize, 13)
    await expect(runAfter(8 * day)).rejects.toMatchObject({ code: 'unavailable' })
    expect(checked).toEqual([])
    plan.length = 0
    await run()
    expect(checked).toHaveLength(4)
    expect(background).toEqual([])
    await expectIdle(store)
  })
})

/** Scrubs until the test is over; waits pass when they are let. */
function startRegularly(scrubRate: number, plan: readonly Fault[] = []) {
  const started = start(plan)
  const { store, calendar, report } = started
  const pauses: number[] = []
  const pass = calendar.wait
  let next = Promise.withResolvers<void>()
  const clock: Clock = {
    now: calendar.now,
    wait: async (ms, signal) => {
      if (ms < 60_000) return pass(ms, signal)
      signal.throwIfAborted()
      pauses.push(ms)
      const stopped = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => stopped.reject(signal.reason))
      await Promise.race([next.promise, stopped.promise])
      next = Promise.withResolvers()
      return pass(ms, signal)
    },
  }
  const running = scrubRegularly(store, { ...options, scrubRate }, report, clock)
  onTestFinished(() => running.stop())
  return { ...started, running, pauses, letPass: () => next.resolve() }
}

describe('in the background', () => {
  it('looks every minute for what is due, and goes on after a failure', async () => {
    const { store, calendar, checked, pauses, letPass, background } = startRegularly(MiB, [
      { on: 'read', call: 'every', kind: 'refuse' },
    ])
    await eventually(() => expect(pauses).toEqual([60_000]))
    await given(store, 'file', 1000, 14)
    calendar.time += 8 * day
    letPass()
    await eventually(() => expect(pauses).toHaveLength(2))
    expect(background).toMatchObject([{ error: { code: 'unavailable' }, doing: 'verifying chunks' }])
    letPass()
    await eventually(() => expect(background).toHaveLength(2))
    expect(checked).toEqual([])
  })

  it('does nothing at a rate of 0', async () => {
    const { store, calendar, checked, pauses, running } = startRegularly(0)
    await given(store, 'file', 1000, 15)
    calendar.time += 8 * day
    await running.stop()
    expect([checked, pauses]).toEqual([[], []])
  })

  it('takes turns with downloads, a block at a time, and gives back all that it has borrowed', async () => {
    const { store, calendar, checked, pauses, letPass, running } = startRegularly(MiB)
    await given(store, 'file', 5 * chunkSize, 16)
    calendar.time += 8 * day
    let most = 0
    calendar.onWait = () => {
      most = Math.max(most, store.reading.running + store.pool.leasedBytes)
    }
    await eventually(() => expect(pauses).toHaveLength(1))
    letPass()
    await eventually(() => expect(checked).toHaveLength(5))
    expect(most).toBe(0)
    await running.stop()
    await expectIdle(store)
  })
})
