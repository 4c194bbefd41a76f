import { expect, it } from 'vitest'
import { MemoryChunkStore } from '../../src/chunks/memory/memory-chunk-store.ts'
import { faulty } from '../support/faulty.ts'
import { describeChunkStore } from './describe-chunk-store.ts'
import { sampleChunk } from './sample-chunk.ts'
import { isStored, listed, readAll } from './store-calls.ts'

describeChunkStore('faulty without a plan', async () => faulty(new MemoryChunkStore(), []))

const chunk = sampleChunk(1000)
const unavailable = { code: 'unavailable' }

it('refuses the planned call and no other, and does nothing', async () => {
  const store = faulty(new MemoryChunkStore(), [{ on: 'put', call: 2, kind: 'refuse' }])
  await store.put(chunk.digest, [chunk.bytes])
  await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject(unavailable)
  await store.put(chunk.digest, [chunk.bytes])
  expect(await listed(store)).toHaveLength(2)
  expect(store.calls).toEqual({ put: 3, read: 0, delete: 0, list: 1 })
})

it('has no space when planned', async () => {
  const store = faulty(new MemoryChunkStore(), [{ on: 'put', call: 'every', kind: 'no-space' }])
  await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'no_space' })
  await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'no_space' })
  expect(await listed(store)).toEqual([])
})

it('does the work before it loses the reply', async () => {
  const store = faulty(new MemoryChunkStore(), [
    { on: 'put', call: 1, kind: 'lose-reply' },
    { on: 'delete', call: 1, kind: 'lose-reply' },
    { on: 'list', call: 3, kind: 'lose-reply' },
  ])
  await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject(unavailable)
  const [stored] = await listed(store)
  await expect(store.delete(stored!.location)).rejects.toMatchObject(unavailable)
  expect(await listed(store)).toEqual([])
  await expect(listed(store)).rejects.toMatchObject(unavailable)
})

it('flips one bit of the planned read', async () => {
  const store = faulty(new MemoryChunkStore(), [{ on: 'read', call: 2, kind: 'flip-bit', byte: 999 }])
  const location = await store.put(chunk.digest, [chunk.bytes])
  expect(await isStored(store, location, chunk)).toBe(true)
  const flipped = await readAll(store, location, chunk)
  expect(flipped.subarray(0, 999).equals(chunk.bytes.subarray(0, 999))).toBe(true)
  expect(flipped[999]).toBe(chunk.bytes[999]! ^ 1)
  expect(await isStored(store, location, chunk)).toBe(true)
})

it('hangs until it is released, and then does the work', async () => {
  const inner = new MemoryChunkStore()
  const store = faulty(inner, [{ on: 'put', call: 1, kind: 'hang' }])
  const put = store.put(chunk.digest, [chunk.bytes])
  expect(await listed(inner)).toEqual([])
  store.release()
  expect(await isStored(store, await put, chunk)).toBe(true)
})

it('hangs until its signal aborts', async () => {
  const inner = new MemoryChunkStore()
  const store = faulty(inner, [{ on: 'list', call: 1, kind: 'hang' }])
  const controller = new AbortController()
  const list = listed(store, { signal: controller.signal })
  const reason = new Error('waited long enough')
  controller.abort(reason)
  await expect(list).rejects.toBe(reason)
})
