import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { retrying } from '../../src/chunks/wrappers/retrying.ts'
import { openS3ChunkStore } from '../../src/chunks/s3/open-s3-chunk-store.ts'
import { timingOut } from '../../src/chunks/wrappers/timing-out.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { describeChunkStore } from '../chunks/describe-chunk-store.ts'
import { inPieces, sampleChunk } from '../chunks/sample-chunk.ts'
import { isStored, listed, readAll, readRange } from '../chunks/store-calls.ts'
import { CephCluster } from './ceph-cluster.ts'
import { S3Bucket } from './s3-bucket.ts'

const ceph = new CephCluster(inject('ceph'))
const limits = { timeoutMs: 20_000, minRate: blockBytes }

let bucket: S3Bucket
beforeAll(async () => {
  bucket = await S3Bucket.create(ceph, 'chunk-store')
})
afterAll(() => bucket.close())

describeChunkStore('S3', () => openS3ChunkStore(bucket.options()))

// Everything has to wait for everything else, and nothing may keep the connection.
describeChunkStore('S3 over one connection', () => openS3ChunkStore({ ...bucket.options(), maxSockets: 1 }))

describeChunkStore('timing out S3', async () => timingOut(await openS3ChunkStore(bucket.options()), limits))

describeChunkStore('retrying S3', async () => retrying(await openS3ChunkStore(bucket.options())))

describeChunkStore('S3 with all that a server adds', async () =>
  verifying(retrying(timingOut(await openS3ChunkStore(bucket.options()), limits))),
)

describe('a chunk', () => {
  it('is an object whose key shows its digest, and nothing but its bytes', async () => {
    const { prefix } = bucket.options()
    const store = await bucket.openStore({ prefix })
    const chunk = sampleChunk(1000)
    const location = await store.put(chunk.digest, [chunk.bytes])
    expect(location).toMatch(new RegExp(`^${chunk.digest.slice(0, 2)}/${chunk.digest}\\.[0-9a-f]{16}$`))
    expect(await bucket.keys(prefix)).toEqual([prefix + location])
  })

  it('of 8 MiB in many pieces reads back block by block, in any order', async () => {
    const store = verifying(await bucket.openStore())
    const chunk = sampleChunk(8 * blockBytes)
    const location = await store.put(chunk.digest, inPieces(chunk.bytes, 64 * 1024))
    const order = [0, 1, 2, 3, 7, 6, 5, 4, 0, 2, 4, 6, 1, 3, 5, 7, 0, 0, 1, 1]
    const blocks = await Promise.all(
      order.map((block) => readRange(store, location, chunk, block * blockBytes, (block + 1) * blockBytes)),
    )
    const areRight = blocks.map((bytes, index) => {
      const from = order[index]! * blockBytes
      return bytes.equals(chunk.bytes.subarray(from, from + blockBytes))
    })
    expect(new Set(areRight)).toEqual(new Set([true]))
  })

  it('is not found any more by who was reading it, once it is deleted', async () => {
    const store = await bucket.openStore()
    const chunk = sampleChunk(8 * blockBytes)
    const location = await store.put(chunk.digest, [chunk.bytes])
    await readRange(store, location, chunk, 0, blockBytes)
    await readRange(store, location, chunk, blockBytes, 2 * blockBytes)
    await store.delete(location)
    const next = readRange(store, location, chunk, 2 * blockBytes, 3 * blockBytes)
    await expect(next).rejects.toMatchObject({ code: 'not_found' })
  })

  it('at an invalid location is corrupt, and nothing else in the bucket is touched', async () => {
    const { prefix } = bucket.options()
    const store = await bucket.openStore({ prefix })
    const chunk = sampleChunk(10)
    await bucket.put(`${prefix}other`, 'not ours')
    for (const location of ['other', '../other', '', `${chunk.digest}.1`]) {
      const wrong = location as Awaited<ReturnType<ChunkStore['put']>>
      await expect(readAll(store, wrong, chunk)).rejects.toMatchObject({ code: 'corrupt' })
      await expect(store.delete(wrong)).rejects.toMatchObject({ code: 'corrupt' })
    }
    expect(await bucket.keys(prefix)).toEqual([`${prefix}other`])
  })
})

describe('a store', () => {
  it('has its own prefix to itself', async () => {
    const { prefix } = bucket.options()
    const outer = await bucket.openStore({ prefix })
    const inner = await bucket.openStore({ prefix: `${prefix}inner/` })
    const same = await bucket.openStore({ prefix })
    const [one, two] = [sampleChunk(10, 1), sampleChunk(10, 2)]
    const location = await outer.put(one.digest, [one.bytes])
    const other = await inner.put(two.digest, [two.bytes])
    await bucket.put(`${prefix}ab/not-a-chunk`, 'not ours')
    expect(await listed(outer)).toEqual([{ location, digest: one.digest, size: 10 }])
    expect(await listed(inner)).toEqual([{ location: other, digest: two.digest, size: 10 }])
    expect(await isStored(same, location, one)).toBe(true)
    await expect(readAll(inner, location, one)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('may be a whole bucket', async () => {
    const own = await S3Bucket.create(ceph, 'whole-bucket')
    const store = await own.openStore({ prefix: '' })
    const chunk = sampleChunk(10)
    const location = await store.put(chunk.digest, [chunk.bytes])
    expect(await listed(store)).toEqual([{ location, digest: chunk.digest, size: 10 }])
    own.close()
  })

  it('leaves nothing behind when it is opened', async () => {
    const { prefix } = bucket.options()
    await bucket.openStore({ prefix })
    expect(await bucket.keys(prefix)).toEqual([])
  })

  it('lists more than a page', async () => {
    const store = await bucket.openStore()
    const chunk = sampleChunk(1)
    const put = async () => {
      for (let count = 0; count < 67; count++) await store.put(chunk.digest, [chunk.bytes])
    }
    await Promise.all(Array.from({ length: 16 }, put))
    const all = await listed(store)
    expect(new Set(all.map(({ location }) => location)).size).toBe(16 * 67)
    expect(all.map(({ location }) => location)).toEqual(all.map(({ location }) => location).toSorted())
  })
})
