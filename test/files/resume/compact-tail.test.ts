import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { appendToUpload } from '../../../src/files/resume/append-to-upload.ts'
import type { FileStore } from '../../../src/files/state/file-store.ts'
import { compactTail } from '../../../src/files/resume/compact-tail.ts'
import { presentUpload } from '../../../src/files/resume/finish-upload.ts'
import { localCaller } from '../../../src/model/principal.ts'
import { FileHasher } from '../../../src/model/hashers.ts'
import { parseFileName, defaultSpace, type FileId } from '../../../src/model/file.ts'
import { eventually } from '../../robustness/eventually.ts'
import { readBack } from '../../robustness/read-back.ts'
import { bodyOf } from '../../robustness/send-body.ts'
import { faultyFileStore, openSharedParts, type SharedParts } from '../../robustness/shared-parts.ts'
import { contentsOf, expectContents, expectIdle } from '../../robustness/store-contents.ts'

const chunkSize = 16 * 1024

let parts: SharedParts
beforeAll(async () => {
  parts = await openSharedParts()
})
afterAll(() => parts.close())

async function givenUpload({ catalog }: FileStore, size?: number): Promise<FileId> {
  const id = randomUUIDv7() as FileId
  const described = { name: parseFileName(id), mediaType: 'x/y', metadata: {}, space: defaultSpace }
  await catalog.createUpload({ id, ...described, expiresAt: Date.now() + 60_000, ...(size && { size }) })
  return id
}

/**
 * Appends the bytes, as many at a time as `sizes` says, and resolves with how many chunks there
 * were after each request.
 */
async function append(
  store: FileStore,
  id: FileId,
  bytes: Buffer,
  sizes: readonly number[],
): Promise<readonly number[]> {
  const counts: number[] = []
  let from = 0
  for (const size of sizes) {
    const body = bodyOf(bytes.subarray(from, from + size))
    await appendToUpload(store, localCaller, id, () => body, { from, checks: [] })
    from += size
    counts.push((await store.catalog.listChunks(id, 0, 10_000)).length)
  }
  return counts
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0)
}

describe.each([
  ['of the same small size', Array.from({ length: 300 }, () => 1024)],
  ['of one byte', Array.from({ length: 300 }, () => 1)],
  ['that grow', Array.from({ length: 150 }, (_, at) => 1 + at * 13)],
  ['that shrink', Array.from({ length: 150 }, (_, at) => 1 + (149 - at) * 13)],
  ['small and large in turns', Array.from({ length: 150 }, (_, at) => (at % 2 ? 100 : 5000))],
  ['of ever the same few sizes', Array.from({ length: 200 }, (_, at) => [10, 300, 7000, 2][at % 4]!)],
])('requests %s', (_, sizes) => {
  it('leave few chunks, of the right content, and no others', async () => {
    const { store, faults, background } = faultyFileStore(parts, { chunkSize })
    const bytes = randomBytes(sum(sizes))
    const id = await givenUpload(store, bytes.length)
    const counts = await append(store, id, bytes, sizes)
    let total = 0
    for (const [at, count] of counts.entries()) {
      total += sizes[at]!
      // Half-filled chunks, and fewer than sixteen of each of four sizes.
      expect(count).toBeLessThan((4 * total) / chunkSize + 4 * 16)
    }
    // Each request stores its own, and joining adds little to that.
    expect(faults.calls.put).toBeLessThan(sizes.length * 1.5)
    const file = await store.catalog.findFile(defaultSpace, { id })
    const chunks = await store.catalog.listChunks(id, 0, 10_000)
    const hasher = new FileHasher()
    for (const { digest, size } of chunks) {
      hasher.add(digest)
      expect(size).toBeLessThanOrEqual(chunkSize)
    }
    expect(file).toMatchObject({ size: bytes.length, digest: hasher.digest() })
    expect((await readBack(store, `@${id}`)).equals(bytes)).toBe(true)
    // A byte that came twice is one chunk.
    const used = new Set(chunks.map(({ location }) => location))
    await eventually(async () => expect((await contentsOf(store)).locations).toEqual([...used].sort()))
    expect(background).toEqual([])
    await store.catalog.deleteFile(defaultSpace, { id })
    await expectContents(store, { files: [], uploads: [], locations: [] })
  })
})

describe('small chunks at the end', () => {
  const sizes = Array.from({ length: 15 }, () => 1024)

  it('stay while there is no memory to spare, and are joined when there is', async () => {
    const { store, background } = faultyFileStore(parts, {
      chunkSize: 2 * chunkSize,
      maxBufferMemory: 128 * 1024,
    })
    const id = await givenUpload(store)
    expect((await append(store, id, randomBytes(15 * 1024), sizes)).at(-1)).toBe(15)
    await store.catalog.advanceUpload(id, 15 * 1024, [await oneMore(store)], Date.now() + 60_000)
    const leases = [store.pool.tryLease(64 * 1024)!, store.pool.tryLease(64 * 1024)!]
    await compactTail(store, await presentUpload(store, localCaller, id))
    expect(await store.catalog.listChunks(id, 0, 100)).toHaveLength(16)
    for (const lease of leases) lease.release()
    await compactTail(store, await presentUpload(store, localCaller, id))
    expect(await store.catalog.listChunks(id, 0, 100)).toHaveLength(1)
    expect(background).toEqual([])
    await expectIdle(store)
  })

  it.each([
    ['cannot be read', { on: 'read', call: 3, kind: 'refuse' }],
    ['are damaged', { on: 'read', call: 3, kind: 'flip-bit' }],
    ['cannot be stored as one', { on: 'put', call: 17, kind: 'no-space' }],
  ] as const)('that %s stay, and nobody fails for it', async (_, fault) => {
    const { store, background } = faultyFileStore(parts, { chunkSize, plan: [fault] })
    const id = await givenUpload(store)
    expect((await append(store, id, randomBytes(16 * 1024), [...sizes, 1024])).at(-1)).toBe(16)
    expect(background).toMatchObject([{ doing: `joining small chunks of upload ${id}` }])
    await expectIdle(store)
    await compactTail(store, await presentUpload(store, localCaller, id))
    expect(await store.catalog.listChunks(id, 0, 100)).toHaveLength(1)
  })
})

/** A sixteenth small chunk, which no request has brought. */
async function oneMore(store: FileStore) {
  const id = await givenUpload(store)
  await append(store, id, randomBytes(1024), [1024])
  const [{ digest, size, blockDigests } = never()] = await store.catalog.listChunks(id, 0, 1)
  return { digest, size, blockDigests }
}

function never(): never {
  throw new Error('the upload has no chunk')
}
