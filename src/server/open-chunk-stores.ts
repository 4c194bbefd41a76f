import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkStore, Batching } from '../chunks/chunk-store.ts'
import { DiskChunkStore, diskBatching } from '../chunks/disk/disk-chunk-store.ts'
import { diskError } from '../chunks/disk/fs-calls.ts'
import { makeDurableDirectory } from '../chunks/disk/durable-directory.ts'
import { MemoryChunkStore } from '../chunks/memory/memory-chunk-store.ts'
import { retrying } from '../chunks/wrappers/retrying.ts'
import { openS3ChunkStore } from '../chunks/s3/open-s3-chunk-store.ts'
import { timingOut } from '../chunks/wrappers/timing-out.ts'
import { threadsFor } from '../hashing/busy-cores.ts'
import { verifying } from '../chunks/wrappers/verifying.ts'
import type { Config } from '../config/config.ts'
import { StoreError } from '../model/errors.ts'
import { openFileLimit } from '../system/open-file-limit.ts'
import { storeAddress } from './addresses.ts'
import { planOpenFiles } from './process-limits.ts'
import { s3Options } from './s3-options.ts'

export interface ChunkStoreToRead {
  readonly chunks: ChunkStore
  /** The same bytes, as they are. */
  readonly unverified: ChunkStore
  readonly manifests: ChunkStore
}

export interface ChunkStores {
  readonly chunks: ChunkStore
  readonly manifests: ChunkStore
  /** Absent if each chunk takes an operation and a connection of its own. */
  readonly batching?: Batching
  readonly close: () => Promise<void>
}

type Name = 'chunks' | 'records'

/** S3 calls may take longer at this rate of bytes per second; slower is as good as cut off. */
const slowestBytesPerSecond = 256 * 1024
/** Manifests are small, and put at the same time as chunks. */
const manifestSockets = 16

/** Creates what is missing, except a bucket. Rejects `unavailable`, `no_space`. */
export async function openChunkStores(config: Config): Promise<ChunkStores> {
  const address = storeAddress(config)
  if (address.kind === 'directory') {
    await makeDurableDirectory(address.directory).catch((error: unknown) => {
      throw diskError(error, `Cannot create ${address.directory}`)
    })
  }
  const mayUseThread = threadsFor(config.verifyOn)
  const chunks = verifying(await open(config, 'chunks', { isReadOnly: false }), mayUseThread)
  const manifests = await open(config, 'records', { isReadOnly: false })
  const close = async () => {
    await chunks.close()
    await manifests.close()
  }
  if (address.kind === 's3') return { chunks, manifests, close }
  return {
    chunks,
    manifests,
    batching: diskBatching,
    close,
  }
}

/** Opens them for reading only. Rejects `unavailable`. */
export async function openChunksToRead(config: Config): Promise<ChunkStoreToRead> {
  const unverified = await open(config, 'chunks', { isReadOnly: true })
  const manifests = (await isGone(config, 'records'))
    ? new MemoryChunkStore()
    : await open(config, 'records', { isReadOnly: true })
  return { chunks: verifying(unverified, threadsFor(config.verifyOn)), unverified, manifests }
}

/** Opens nothing. Rejects `not_found` if one of these is visibly missing. */
export async function requireDirectories(config: Config, needed: readonly Name[]): Promise<void> {
  const address = storeAddress(config)
  if (address.kind === 's3') return
  for (const name of needed) {
    await access(join(address.directory, name)).catch((error: unknown) => {
      const message = `There is no store in ${address.directory}, or it cannot be reached: it has no ${name}.`
      throw new StoreError('not_found', message, { cause: error })
    })
  }
}

/** A store without any manifests can still be read: each is then reported as missing. */
async function isGone(config: Config, name: Name): Promise<boolean> {
  const address = storeAddress(config)
  if (address.kind === 's3') return false
  return access(join(address.directory, name)).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
}

async function open(
  config: Config,
  name: Name,
  { isReadOnly }: { readonly isReadOnly: boolean },
): Promise<ChunkStore> {
  const address = storeAddress(config)
  if (address.kind === 'directory') {
    const { keptFiles, keepsDirectories } = planOpenFiles(config, openFileLimit())
    return DiskChunkStore.open(join(address.directory, name), {
      maxOpenFiles: keptFiles,
      keepsDirectories,
      hasDurableDeletes: name === 'records',
      isReadOnly,
    })
  }
  const { s3TimeoutMs } = config
  const store = await openS3ChunkStore({
    ...s3Options(config, address),
    prefix: `${address.prefix}${name}/`,
    maxSockets:
      name === 'records' ? manifestSockets : config.maxUploadConcurrency + config.maxDownloadConcurrency,
    isReadOnly,
  })
  const once = timingOut(store, { timeoutMs: s3TimeoutMs, minRate: slowestBytesPerSecond })
  return retrying(once, { patienceMs: s3TimeoutMs })
}
