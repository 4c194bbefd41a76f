import { describe, expect, it } from 'vitest'
import type { ChunkStore, StoredChunk } from '../../../src/chunks/chunk-store.ts'
import { MemoryChunkStore } from '../../../src/chunks/memory/memory-chunk-store.ts'
import { retrying } from '../../../src/chunks/wrappers/retrying.ts'
import { StoreError, type ErrorCode } from '../../../src/model/errors.ts'
import { faulty, type Fault } from '../../support/faulty.ts'
import { describeChunkStore } from '../describe-chunk-store.ts'
import { PassingClock } from '../passing-clock.ts'
import { sampleChunk } from '../sample-chunk.ts'
import { isStored, listed, readAll } from '../store-calls.ts'

const everyFirstCallFails = [
  { on: 'put', call: 1, kind: 'refuse' },
  { on: 'read', call: 1, kind: 'lose-reply' },
  { on: 'delete', call: 1, kind: 'lose-reply' },
  { on: 'list', call: 1, kind: 'refuse' },
  { on: 'list', call: 2, kind: 'lose-reply' },
] as const

describeChunkStore('retrying', async () =>
  retrying(faulty(new MemoryChunkStore(), everyFirstCallFails), { clock: new PassingClock() }),
)

const chunk = sampleChunk(1000)
const putAlwaysFails = [{ on: 'put', call: 'every', kind: 'refuse' }] as const

/** As if each pause were as long as it may be. */
const longest = () => 1

function start(plan: readonly Fault[], clock = new PassingClock(), maxTries = 8) {
  const inner = new MemoryChunkStore()
  const failing = faulty(inner, plan)
  return { inner, failing, clock, store: retrying(failing, { clock, random: longest, maxTries }) }
}

describe('a failure', () => {
  it.each<{ code: ErrorCode; calls: number }>([
    { code: 'unavailable', calls: 8 },
    { code: 'no_space', calls: 1 },
    { code: 'not_found', calls: 1 },
    { code: 'corrupt', calls: 1 },
    { code: 'internal', calls: 1 },
  ])('with $code is met with $calls calls', async ({ code, calls }) => {
    const clock = new PassingClock()
    let seen = 0
    const failure = new StoreError(code, 'as planned')
    const failing = withPut(async () => {
      seen += 1
      throw failure
    })
    await expect(retrying(failing, { clock }).put(chunk.digest, [chunk.bytes])).rejects.toBe(failure)
    expect(seen).toBe(calls)
  })

  it('that is a mistake in the program is met with one call', async () => {
    let seen = 0
    const failing = withPut(async () => {
      seen += 1
      throw new TypeError('a mistake')
    })
    await expect(retrying(failing).put(chunk.digest, [chunk.bytes])).rejects.toBeInstanceOf(TypeError)
    expect(seen).toBe(1)
  })

  it('is forgotten when the next try succeeds', async () => {
    const { store, failing, clock } = start([
      { on: 'put', call: 1, kind: 'refuse' },
      { on: 'put', call: 2, kind: 'refuse' },
      { on: 'read', call: 1, kind: 'refuse' },
    ])
    const location = await store.put(chunk.digest, [chunk.bytes])
    expect(clock.waits).toEqual([100, 200])
    expect(await isStored(store, location, chunk)).toBe(true)
    // Another call begins with a short pause again.
    expect(clock.waits).toEqual([100, 200, 100])
    expect(failing.calls).toMatchObject({ put: 3, read: 2 })
  })
})

describe('a put whose answer is lost', () => {
  it('is stored at another location, and leaves an orphan', async () => {
    const { store } = start([{ on: 'put', call: 1, kind: 'lose-reply' }])
    const location = await store.put(chunk.digest, [chunk.bytes])
    const locations = (await listed(store)).map((stored) => stored.location)
    expect(locations).toHaveLength(2)
    expect(locations[1]).toBe(location)
  })
})

it('keeps the pieces of a put for another try', async () => {
  const said: string[] = []
  const failing = withPut(async (_digest, _pieces, options) => {
    options?.onTaken?.()
    throw new StoreError('unavailable', 'as planned')
  })
  const store = retrying(failing, { clock: new PassingClock() })
  const put = store.put(chunk.digest, [chunk.bytes], { onTaken: () => said.push('taken') })
  await expect(put).rejects.toMatchObject({ code: 'unavailable' })
  expect(said).toEqual([])
})

describe('pauses', () => {
  it('double, up to their bound', async () => {
    const { store, clock } = start(putAlwaysFails)
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'unavailable' })
    expect(clock.waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000])
  })

  it.each([0, 0.25, 0.999])('are of any length up to it: %d of it', async (part) => {
    const clock = new PassingClock()
    const options = { clock, random: () => part, firstPauseMs: 1000, maxPauseMs: 3000, maxTries: 4 }
    const store = retrying(faulty(new MemoryChunkStore(), putAlwaysFails), options)
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'unavailable' })
    expect(clock.waits).toEqual([1000 * part, 2000 * part, 3000 * part])
  })

  it('end when no further try may begin', async () => {
    const clock = new PassingClock()
    const failing = faulty(new MemoryChunkStore(), putAlwaysFails)
    const options = { clock, random: longest, firstPauseMs: 1000, maxPauseMs: 1000, patienceMs: 3000 }
    const put = retrying(failing, options).put(chunk.digest, [chunk.bytes])
    await expect(put).rejects.toMatchObject({ code: 'unavailable' })
    expect(clock.waits).toEqual([1000, 1000, 1000])
    expect(failing.calls.put).toBe(4)
  })

  it('are not made where the call itself has used up the patience', async () => {
    const clock = new PassingClock()
    let seen = 0
    const slow = withPut(async () => {
      seen += 1
      clock.pass(2000)
      throw new StoreError('unavailable', 'as planned')
    })
    const store = retrying(slow, { clock, patienceMs: 2000, random: longest })
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ message: 'as planned' })
    expect({ seen, waits: clock.waits }).toEqual({ seen: 1, waits: [] })
  })
})

describe('an abort', () => {
  it('in a pause ends it with the reason, and nothing is tried again', async () => {
    const controller = new AbortController()
    const reason = new Error('nobody waits any more')
    const { store, failing } = start(putAlwaysFails, new PassingClock(() => controller.abort(reason)))
    const put = store.put(chunk.digest, [chunk.bytes], { signal: controller.signal })
    await expect(put).rejects.toBe(reason)
    expect(failing.calls.put).toBe(1)
  })

  it('is not tried again, whatever its reason', async () => {
    const { store, failing } = start([{ on: 'put', call: 1, kind: 'hang' }])
    const controller = new AbortController()
    const put = store.put(chunk.digest, [chunk.bytes], { signal: controller.signal })
    const reason = new StoreError('unavailable', 'the server is stopping')
    controller.abort(reason)
    await expect(put).rejects.toBe(reason)
    expect(failing.calls.put).toBe(1)
  })

  it('ends a real pause at once', async () => {
    const failing = faulty(new MemoryChunkStore(), putAlwaysFails)
    const store = retrying(failing, { firstPauseMs: 1_000_000, maxPauseMs: 1_000_000, patienceMs: Infinity })
    const controller = new AbortController()
    const put = store.put(chunk.digest, [chunk.bytes], { signal: controller.signal })
    setImmediate(() => controller.abort(new Error('enough')))
    await expect(put).rejects.toThrow('enough')
    expect(failing.calls.put).toBe(1)
  })
})

describe('close', () => {
  it('ends a pause with what has failed', async () => {
    const failing = faulty(new MemoryChunkStore(), putAlwaysFails)
    let closed: Promise<void> | undefined
    const clock = new PassingClock(() => {
      closed = store.close()
    })
    const store = retrying(failing, { clock })
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toThrow('Refused as planned')
    await closed
    expect(failing.calls.put).toBe(1)
  })
})

describe('a listing that fails', () => {
  const failure = new StoreError('unavailable', 'as planned')

  it('goes on behind what it had come to, each chunk once', async () => {
    const inner = new MemoryChunkStore()
    for (let seed = 0; seed < 7; seed++) await putSample(inner, seed)
    // Two chunks between one failure and the next: each has tries of its own.
    const store = retrying(failingListing(inner, [2, 2, 2]), { clock: new PassingClock(), maxTries: 2 })
    expect(await listed(store)).toEqual(await listed(inner))
  })

  it('again and again without a chunk in between is given up', async () => {
    const inner = new MemoryChunkStore()
    for (let seed = 0; seed < 3; seed++) await putSample(inner, seed)
    const store = retrying(failingListing(inner, [2, 0, 0, 0]), { clock: new PassingClock(), maxTries: 3 })
    await expect(listed(store)).rejects.toBe(failure)
  })

  it('resumes behind a chunk that was deleted meanwhile', async () => {
    const inner = new MemoryChunkStore()
    for (let seed = 0; seed < 5; seed++) await putSample(inner, seed)
    const all = await listed(inner)
    const store = retrying(failingListing(inner, [2]), { clock: new PassingClock() })
    const shown: StoredChunk[] = []
    for await (const stored of store.list()) {
      shown.push(stored)
      await inner.delete(stored.location)
    }
    expect(shown).toEqual(all)
  })

  /**
   * The nth listing fails when it has shown so many, counted from where it begins; later ones do
   * not.
   */
  function failingListing(store: ChunkStore, after: readonly number[]): ChunkStore {
    let listings = 0
    return withList(store, async function* (options) {
      const end = after[listings++] ?? Infinity
      let shown = 0
      for await (const stored of store.list(options)) {
        if (shown++ === end) throw failure
        yield stored
      }
    })
  }
})

it('reads into the buffer that it was given', async () => {
  const { store } = start([
    { on: 'read', call: 1, kind: 'refuse' },
    { on: 'read', call: 2, kind: 'lose-reply' },
  ])
  const location = await store.put(chunk.digest, [chunk.bytes])
  expect((await readAll(store, location, chunk)).equals(chunk.bytes)).toBe(true)
})

async function putSample(store: ChunkStore, seed: number): Promise<void> {
  const { digest, bytes } = sampleChunk(10, seed)
  await store.put(digest, [bytes])
}

function withPut(put: ChunkStore['put']): ChunkStore {
  const inner = new MemoryChunkStore()
  return {
    put,
    read: (...args) => inner.read(...args),
    delete: (...args) => inner.delete(...args),
    list: (...args) => inner.list(...args),
    close: () => inner.close(),
  }
}

function withList(inner: ChunkStore, list: ChunkStore['list']): ChunkStore {
  return {
    put: (...args) => inner.put(...args),
    read: (...args) => inner.read(...args),
    delete: (...args) => inner.delete(...args),
    list,
    close: () => inner.close(),
  }
}
