import type { ChunkStore } from '../chunk-store.ts'
import type { S3ChunkStoreOptions } from './s3-options.ts'

const defaults = { prefix: '', maxSockets: 64, idleReadMs: 1_000, openTimeoutMs: 10_000, isReadOnly: false }

/**
 * Opens a chunk store in an existing bucket. If the bucket cannot be reached and used with these
 * credentials, rejects `unavailable` or `internal` with one line that says what to check. Rejects
 * `RangeError` for an invalid number.
 */
export async function openS3ChunkStore(options: S3ChunkStoreOptions): Promise<ChunkStore> {
  const {
    bucket: name,
    endpoint,
    prefix,
    maxSockets,
    idleReadMs,
    openTimeoutMs,
    isReadOnly,
  } = { ...defaults, ...options }
  if (!Number.isInteger(maxSockets) || maxSockets < 1)
    throw new RangeError(`maxSockets must be an integer of at least 1, not ${maxSockets}`)
  // The SDK takes longer to load than everything else, and most stores are not in a bucket.
  const { Bucket } = await import('./bucket.ts')
  const { createClient } = await import('./create-client.ts')
  const { checkBucket } = await import('./check-bucket.ts')
  const { S3ChunkStore } = await import('./s3-chunk-store.ts')
  const bucket = new Bucket(createClient(options, maxSockets), name)
  try {
    await checkBucket(bucket, prefix, `bucket ${name} at ${endpoint ?? 'AWS'}`, openTimeoutMs, isReadOnly)
  } catch (error) {
    bucket.close()
    throw error
  }
  return new S3ChunkStore(bucket, prefix, { maxKept: Math.floor(maxSockets / 2), idleMs: idleReadMs })
}
