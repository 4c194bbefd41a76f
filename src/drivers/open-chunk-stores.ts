import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkStore } from '../chunks/chunk-store.ts'
import { DiskChunkStore } from '../chunks/disk/disk-chunk-store.ts'
import { makeDurableDirectory } from '../chunks/disk/durable-directory.ts'
import { freeBytes } from '../chunks/disk/free-bytes.ts'
import { retrying } from '../chunks/retrying.ts'
import { openS3ChunkStore } from '../chunks/s3/open-s3-chunk-store.ts'
import { timingOut } from '../chunks/timing-out.ts'
import { verifying } from '../chunks/verifying.ts'
import type { Config } from '../config.ts'
import { StoreError } from '../model/errors.ts'
import { storePlace } from './places.ts'

export interface ChunkStores {
  readonly chunks: ChunkStore
  /** The same bytes, as they are. */
  readonly unverified: ChunkStore
  readonly records: ChunkStore
  /** Absent where nobody can tell. */
  readonly freeBytes?: () => Promise<number>
  readonly close: () => Promise<void>
}

const names = { chunks: 'chunks', records: 'records' } as const

/** A connection that has taken nothing and given nothing for so long is as good as cut. */
const slowestBytesPerSecond = 256 * 1024
/** Records are small, and put beside the chunks of their files. */
const recordSockets = 16

/** Creates what is missing, a bucket aside. Rejects `unavailable`, `no_space`. */
export async function openChunkStores(config: Config): Promise<ChunkStores> {
  const place = storePlace(config)
  if (place.kind === 's3') return openInBucket(config, place.bucket, place.prefix)
  const { directory } = place
  await makeDurableDirectory(directory)
  const unverified = await DiskChunkStore.open(join(directory, names.chunks))
  const records = await DiskChunkStore.open(join(directory, names.records), { hasDurableDeletes: true })
  return {
    ...together(unverified, records),
    freeBytes: () => freeBytes(directory, config.minFreeSpace),
  }
}

/** Opens nothing. Rejects `not_found` where it can be seen that one of these is missing. */
export async function refuseUnused(config: Config, needed: readonly (keyof typeof names)[]): Promise<void> {
  const place = storePlace(config)
  if (place.kind === 's3') return
  for (const name of needed) {
    await access(join(place.directory, name)).catch((error: unknown) => {
      const message = `There is no store in ${place.directory}, or it cannot be reached: it has no ${name}.`
      throw new StoreError('not_found', message, { cause: error })
    })
  }
}

async function openInBucket(config: Config, bucket: string, prefix: string): Promise<ChunkStores> {
  const { s3Endpoint, s3Region, s3Addressing, s3TimeoutMs } = config
  const open = async (name: string, maxSockets: number) => {
    const store = await openS3ChunkStore({
      bucket,
      prefix: `${prefix}${name}/`,
      region: s3Region,
      ...(s3Endpoint !== 'aws' && { endpoint: s3Endpoint }),
      isPathStyle: s3Addressing === 'path' || (s3Addressing === 'auto' && s3Endpoint !== 'aws'),
      maxSockets,
      openTimeoutMs: s3TimeoutMs,
    })
    const once = timingOut(store, { timeoutMs: s3TimeoutMs, minRate: slowestBytesPerSecond })
    return retrying(once, { patienceMs: s3TimeoutMs })
  }
  const sockets = config.maxUploadConcurrency + config.maxDownloadConcurrency
  return together(await open(names.chunks, sockets), await open(names.records, recordSockets))
}

function together(unverified: ChunkStore, records: ChunkStore): ChunkStores {
  return {
    chunks: verifying(unverified),
    unverified,
    records,
    async close() {
      await unverified.close()
      await records.close()
    },
  }
}
