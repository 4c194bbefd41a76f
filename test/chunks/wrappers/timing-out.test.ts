import { describe, expect, it } from 'vitest'
import type { Timer } from '../../../src/chunks/wrappers/clock.ts'
import type { ChunkStore } from '../../../src/chunks/chunk-store.ts'
import { MemoryChunkStore } from '../../../src/chunks/memory/memory-chunk-store.ts'
import { timingOut } from '../../../src/chunks/wrappers/timing-out.ts'
import { faulty, type FaultyMethod } from '../../support/faulty.ts'
import { describeChunkStore } from '../describe-chunk-store.ts'
import { sampleChunk } from '../sample-chunk.ts'
import { isStored, listed, readAll } from '../store-calls.ts'

const limits = { timeoutMs: 30_000, minRate: 1000 }

describeChunkStore('timing out', async () => timingOut(new MemoryChunkStore(), limits))

const chunk = sampleChunk(2500)

/** Nothing passes until `expire` says that all waits are over. */
class HeldClock implements Timer {
  readonly waits: number[] = []
  readonly #pending = new Set<() => void>()

  readonly now = () => 0

  readonly wait = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      this.waits.push(ms)
      this.#pending.add(resolve)
      signal.addEventListener('abort', () => {
        this.#pending.delete(resolve)
        reject(signal.reason)
      })
    })

  /** Those that go on. */
  get pending(): number {
    return this.#pending.size
  }

  expire(): void {
    for (const resolve of this.#pending) resolve()
  }
}

function start(hanging?: FaultyMethod) {
  const inner = new MemoryChunkStore()
  const clock = new HeldClock()
  const held = faulty(inner, hanging ? [{ on: hanging, call: 'every', kind: 'hang' }] : [])
  return { inner, held, clock, store: timingOut(held, { ...limits, clock }) }
}

const calls: Readonly<Record<FaultyMethod, (store: ChunkStore, inner: ChunkStore) => Promise<unknown>>> = {
  put: (store) => store.put(chunk.digest, [chunk.bytes]),
  read: async (store, inner) => readAll(store, await inner.put(chunk.digest, [chunk.bytes]), chunk),
  delete: async (store, inner) => store.delete(await inner.put(chunk.digest, [chunk.bytes])),
  list: (store) => listed(store),
}

describe.each<{ method: FaultyMethod; doing: string; ms: number }>([
  { method: 'put', doing: `storing chunk ${chunk.digest}`, ms: 32_500 },
  { method: 'read', doing: 'reading chunk', ms: 32_500 },
  { method: 'delete', doing: 'deleting chunk', ms: 30_000 },
  { method: 'list', doing: 'listing chunks', ms: 30_000 },
])('a $method that hangs', ({ method, doing, ms }) => {
  it('rejects unavailable after its timeout, and names the call', async () => {
    const { store, inner, clock } = start(method)
    const call = calls[method](store, inner)
    await expect.poll(() => clock.waits).toEqual([ms])
    clock.expire()
    await expect(call).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        new RegExp(`^The chunk store has not answered within ${ms / 1000} s \\(${doing}.*\\): `),
      ),
    })
  })

  it('lasts until something ends it', async () => {
    const { store, inner, clock, held } = start(method)
    const call = calls[method](store, inner)
    await expect.poll(() => clock.pending).toBe(1)
    held.release()
    await expect(call).resolves.not.toThrow()
    expect(clock.pending).toBe(0)
  })
})

it('settles only when the call has settled and no longer uses its buffers', async () => {
  const clock = new HeldClock()
  const ended = Promise.withResolvers<void>()
  let isAborted = false
  const stubborn: ChunkStore = {
    put: async (_digest, _pieces, options) => {
      options?.signal?.addEventListener('abort', () => (isAborted = true))
      await ended.promise
      throw options?.signal?.reason
    },
    read: () => Promise.reject(new Error('not used')),
    delete: () => Promise.reject(new Error('not used')),
    list: () => new MemoryChunkStore().list(),
    close: () => Promise.resolve(),
  }
  let isSettled = false
  const put = timingOut(stubborn, { ...limits, clock })
    .put(chunk.digest, [chunk.bytes])
    .finally(() => (isSettled = true))
  put.catch(() => {})
  clock.expire()
  await expect.poll(() => isAborted).toBe(true)
  expect(isSettled).toBe(false)
  ended.resolve()
  await expect(put).rejects.toMatchObject({ code: 'unavailable' })
})

it('leaves the result to a call that ended in time all the same', async () => {
  const { inner, clock } = start()
  const late: ChunkStore = {
    put: async (digest, pieces) => {
      clock.expire()
      return inner.put(digest, pieces)
    },
    read: (...args) => inner.read(...args),
    delete: (...args) => inner.delete(...args),
    list: (...args) => inner.list(...args),
    close: () => inner.close(),
  }
  const store = timingOut(late, { ...limits, clock })
  expect(await isStored(inner, await store.put(chunk.digest, [chunk.bytes]), chunk)).toBe(true)
})

it('times each step of a listing separately, and not the time between steps', async () => {
  const { store, inner, clock } = start()
  for (const seed of [1, 2]) {
    const { digest, bytes } = sampleChunk(10, seed)
    await inner.put(digest, [bytes])
  }
  for await (const { size } of store.list())
    expect({ size, pending: clock.pending }).toEqual({ size: 10, pending: 0 })
  expect(clock.waits).toEqual([30_000, 30_000, 30_000])
})

it('ends a listing behind it when it is left', async () => {
  let hasEnded = false
  const inner = new MemoryChunkStore()
  await inner.put(chunk.digest, [chunk.bytes])
  const watched: ChunkStore = {
    put: (...args) => inner.put(...args),
    read: (...args) => inner.read(...args),
    delete: (...args) => inner.delete(...args),
    async *list() {
      try {
        yield* inner.list()
      } finally {
        hasEnded = true
      }
    },
    close: () => inner.close(),
  }
  for await (const { size } of timingOut(watched, limits).list()) {
    expect(size).toBe(2500)
    break
  }
  expect(hasEnded).toBe(true)
})

it('passes on the reason of its own signal', async () => {
  const { store } = start('put')
  const controller = new AbortController()
  const put = store.put(chunk.digest, [chunk.bytes], { signal: controller.signal })
  const reason = new Error('nobody waits any more')
  controller.abort(reason)
  await expect(put).rejects.toBe(reason)
})
