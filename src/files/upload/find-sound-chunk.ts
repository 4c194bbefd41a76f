import type { Chunk, Location } from '../../model/chunk.ts'
import { blockBytes, type Digest } from '../../model/digest.ts'
import { isStoreError } from '../../model/errors.ts'
import { leaseBytesFor, type Storage, type Transfer } from '../state/file-store.ts'

/** What is known of a chunk with a digest. */
export type PresentChunk =
  | { readonly kind: 'absent' }
  | { readonly kind: 'sound' }
  | { readonly kind: 'damaged'; readonly location: Location }

/**
 * Finds a chunk with this content, and reads all of it before anybody relies on it: an acknowledged
 * file must not rest on a chunk that rotted. Rejects `unavailable` if its state cannot be told:
 * another copy would not help, because the catalog keeps the present one.
 */
export async function findSoundChunk(store: Storage & Transfer, digest: Digest): Promise<PresentChunk> {
  const chunk = await store.catalog.findChunk(digest)
  if (!chunk) return { kind: 'absent' }
  try {
    await verify(store, chunk)
    return { kind: 'sound' }
  } catch (error) {
    if (!isStoreError(error, 'corrupt') && !isStoreError(error, 'not_found')) throw error
    // It was collected or mended since the lookup: nothing is wrong with it.
    const current = await store.catalog.findChunk(digest)
    if (current?.location !== chunk.location) return { kind: 'absent' }
    store.options.onBackgroundError(error, `verifying chunk ${digest} before using it again`)
    return { kind: 'damaged', location: chunk.location }
  }
}

/**
 * Uses a buffer of the pool, or the emergency block, one at a time: the upload holds what others
 * may wait for.
 */
async function verify(store: Storage & Transfer, chunk: Chunk): Promise<void> {
  const lease = store.pool.tryLease(leaseBytesFor(Math.min(blockBytes, chunk.size)))
  if (lease) {
    try {
      await readAll(store, chunk, lease.bytes)
    } finally {
      lease.release()
    }
    return
  }
  const { emergencyBlock } = store
  await emergencyBlock.limiter.run(() => readAll(store, chunk, emergencyBlock.bytes()))
}

async function readAll(store: Storage & Transfer, chunk: Chunk, buffer: Buffer): Promise<void> {
  const { location, size, blockDigests } = chunk
  for (let offset = 0; offset < size; offset += blockBytes) {
    const into = buffer.subarray(0, Math.min(blockBytes, size - offset))
    await store.chunks.read(location, offset, into, { blockDigests, size })
  }
}
