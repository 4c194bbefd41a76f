import type { Chunk, Location } from '../model/chunk.ts'
import { blockBytes, type Digest } from '../model/digest.ts'
import { isStoreError } from '../model/errors.ts'
import { leaseBytesFor, type FileStore } from './file-store.ts'

/** What is known of a chunk with some content: `absent` also stands for present, but not known to be sound. */
export type PresentChunk =
  | { readonly kind: 'absent' }
  | { readonly kind: 'sound' }
  | { readonly kind: 'damaged'; readonly location: Location }

/**
 * Looks whether content is present, and reads it all before anybody relies on it: what is acknowledged must not rest
 * on a chunk that rotted since. Without a buffer to spare it is as if the content were absent: storing it
 * once more is always right.
 */
export async function findSoundChunk(store: FileStore, digest: Digest): Promise<PresentChunk> {
  const chunk = await store.catalog.findChunk(digest)
  const lease = chunk && store.pool.tryLease(leaseBytesFor(Math.min(blockBytes, chunk.size)))
  if (!lease) return { kind: 'absent' }
  try {
    await readAll(store, chunk, lease.bytes)
    return { kind: 'sound' }
  } catch (error) {
    if (isStoreError(error, 'corrupt') || isStoreError(error, 'not_found')) {
      // Collected, or mended, since it was looked up: then nothing is wrong with it.
      const current = await store.catalog.findChunk(digest)
      if (current?.location !== chunk.location) return { kind: 'absent' }
      store.options.onBackgroundError(error, `verifying chunk ${digest} before using it again`)
      return { kind: 'damaged', location: chunk.location }
    }
    return { kind: 'absent' }
  } finally {
    lease.release()
  }
}

async function readAll(store: FileStore, chunk: Chunk, buffer: Buffer): Promise<void> {
  const { location, size, blockDigests } = chunk
  for (let offset = 0; offset < size; offset += blockBytes) {
    const into = buffer.subarray(0, Math.min(blockBytes, size - offset))
    await store.chunks.read(location, offset, into, { blockDigests, size })
  }
}
