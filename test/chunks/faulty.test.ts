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

it('does its work late where it is delayed, or ends when its signal aborts', async () => {
  const inner = new MemoryChunkStore()
  const store = faulty(inner, [
    { on: 'put', call: 1, kind: 'delay', ms: 5 },
    { on: 'put', call: 2, kind: 'delay', ms: 1_000_000 },
  ])
  const put = store.put(chunk.digest, [chunk.bytes])
  expect(await listed(inner)).toEqual([])
  expect(await isStored(store, await put, chunk)).toBe(true)
  const controller = new AbortController()
  const late = store.put(chunk.digest, [chunk.bytes], { signal: controller.signal })
  const reason = new Error('waited long enough')
  controller.abort(reason)
  await expect(late).rejects.toBe(reason)
})

it('leaves half of what it tears, nothing where a sync fails, and damage where it flips a bit', async () => {
  const store = faulty(new MemoryChunkStore(), [
    { on: 'put', call: 1, kind: 'tear' },
    { on: 'put', call: 2, kind: 'fail-sync' },
    { on: 'put', call: 3, kind: 'flip-bit', byte: 500 },
  ])
  const put = () => store.put(chunk.digest, [chunk.bytes])
  await expect(put()).rejects.toMatchObject(unavailable)
  expect(await listed(store)).toMatchObject([{ digest: chunk.digest, size: 500 }])
  await expect(put()).rejects.toMatchObject(unavailable)
  expect(await listed(store)).toHaveLength(1)
  expect((await readAll(store, await put(), chunk))[500]).toBe(chunk.bytes[500]! ^ 1)
})

it('fills up, and has room again after a delete', async () => {
  const store = faulty(new MemoryChunkStore(), [
    { on: 'put', call: 'every', kind: 'fill-up', capacity: 2000 },
  ])
  const put = () => store.put(chunk.digest, [chunk.bytes])
  const first = await put()
  await put()
  await expect(put()).rejects.toMatchObject({ code: 'no_space' })
  await store.delete(first)
  expect(await isStored(store, await put(), chunk)).toBe(true)
})

it('starts counting again for another plan', async () => {
  const store = faulty(new MemoryChunkStore(), [{ on: 'put', call: 2, kind: 'refuse' }])
  await store.put(chunk.digest, [chunk.bytes])
  store.replan([{ on: 'put', call: 1, kind: 'no-space' }])
  await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'no_space' })
  await store.put(chunk.digest, [chunk.bytes])
  expect(store.calls.put).toBe(2)
})
