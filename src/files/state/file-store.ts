import type { Catalog } from '../../catalog/catalog.ts'
import { singleNode, type Membership } from '../../catalog/membership.ts'
import type { ChunkStore, Batching } from '../../chunks/chunk-store.ts'
import { blockBytes } from '../../model/digest.ts'
import type { FileId } from '../../model/file.ts'
import { BufferPool } from '../../buffers/buffer-pool.ts'
import { FairLimiter } from '../../rx/fair-limiter.ts'
import { YoungGarbage } from '../../system/young-garbage.ts'
import { CatalogHealth } from './catalog-health.ts'
import { FreeSpace } from './free-space.ts'
import { SmallFileCache } from './small-file-cache.ts'
import { ActiveDownloads } from './active-downloads.ts'
import { StoreLimiter } from './store-limiter.ts'
import { UncommittedPuts } from './uncommitted-puts.ts'
import { UploadLocks } from './upload-locks.ts'
import { ZeroCopyBudget } from './zero-copy-budget.ts'

/** The small lease, which an upload fills piece by piece. */
export const pieceBytes = 64 * 1024

/** How much of the pool a client that does not read can pin down. */
export const slowPieceBytes = 16 * 1024

/** Leases come in two sizes, so that any buffer fits the next taker. */
export function leaseBytesFor(bytes: number): number {
  return bytes <= pieceBytes ? pieceBytes : blockBytes
}

export interface FileStoreOptions {
  readonly chunkSize: number
  readonly maxUploadConcurrency: number
  readonly maxDownloadConcurrencyPerFile: number
  readonly maxDownloadConcurrency: number
  readonly maxBufferMemory: number
  /** Memory for small files, in addition to the buffers; none unless given. */
  readonly maxHotMemory?: number
  /** Bytes; `Infinity` for no limit. */
  readonly maxFileSize: number
  readonly uploadExpiryMs: number
  readonly collectGraceMs: number
  readonly orphanGraceMs: number
  /**
   * How far the clocks of processes that share the catalog may differ, in milliseconds; 0 unless
   * given.
   */
  readonly maxClockSkewMs?: number
  /** Bytes that may still be written above the reserve; absent if nothing limits them. */
  readonly freeBytes?: () => Promise<number>
  /**
   * Releases a part of the space that is kept for deletions; resolves with false if none is left.
   */
  readonly releaseSpace?: () => Promise<boolean>
  /**
   * Rejects `unavailable` if the store is no longer where it was opened; absent if that cannot be
   * told.
   */
  readonly confirmStore?: () => Promise<void>
  /** Called with errors that no request can be answered with; the work goes on. */
  readonly onBackgroundError: (error: unknown, doing: string) => void
}

/** Where files are. `chunks` must verify what it reads. */
export interface Stores {
  readonly catalog: Catalog
  readonly chunks: ChunkStore
  /**
   * Keeps a manifest of each file beside the chunks, in case the catalog is lost. Its deletes must
   * be durable.
   */
  readonly manifests: ChunkStore
  /** What the chunk store turns into one operation; absent if it batches nothing. */
  readonly batching?: Batching
  /** Needed if other processes use the same catalog. */
  readonly membership?: Membership
}

interface EmergencyBlock {
  readonly limiter: FairLimiter
  /** For the holder of the slot. */
  readonly bytes: () => Buffer
}

/** Where files are, what is set, and whether there is room. */
export interface Storage extends Stores {
  readonly options: FileStoreOptions
  /** Everything that creates something asks it first. */
  readonly freeSpace: FreeSpace
  /** Whether damage of the catalog has been noticed. */
  readonly health: CatalogHealth
}

/** The limits that all uploads and downloads share. */
export interface Transfer {
  /** The source of all chunk and block buffers. */
  readonly pool: BufferPool
  /** A buffer beside the pool, for verifying one chunk at a time when the pool is empty. */
  readonly emergencyBlock: EmergencyBlock
  /** Chunks being stored, of all uploads. */
  readonly storing: StoreLimiter
  /** Blocks being read, of all downloads. */
  readonly reading: FairLimiter
  /** Blocks of which pieces are being written to slow clients. */
  readonly writingPieces: FairLimiter
  /** Blocks being written whole to fast ones. */
  readonly zeroCopyBudget: ZeroCopyBudget
  /** Told of what comes in. */
  readonly youngGarbage: YoungGarbage
}

/** Uploads that requests are appending to. */
export interface OpenUploads {
  /** Uploads that this process is receiving: they never expire meanwhile. */
  readonly receiving: Set<FileId>
  /** Who appends to which upload. */
  readonly uploadLocks: UploadLocks
}

/** What collection must leave alone. */
export interface Counted {
  readonly membership: Membership
  /** Files that are being downloaded. */
  readonly activeDownloads: ActiveDownloads
  /** Chunks and manifests that the catalog may not know yet. */
  readonly uncommitted: UncommittedPuts
}

/** All of it. Each verb takes the parts that it uses. */
export interface FileStore extends Storage, Transfer, OpenUploads, Counted {
  readonly membership: Membership
  /** Small files that are in memory. */
  readonly smallFiles: SmallFileCache
}

/** How long a client that fetches a file in several requests may pause between two of them. */
const awaitsClientMs = 60_000

export function createFileStore(stores: Stores, options: FileStoreOptions): FileStore {
  const { maxBufferMemory } = options
  // What stalled clients can pin down is at most half of the pool for pieces and a quarter for
  // blocks: so there is always memory for clients that move.
  const mostPieces = Math.max(1, Math.floor(maxBufferMemory / 2 / slowPieceBytes))
  const mostBlocks = Math.floor(maxBufferMemory / 4 / blockBytes)
  const uncommitted = new UncommittedPuts()
  const membership = stores.membership ?? singleNode
  const freeSpace = new FreeSpace(options)
  const smallFiles = new SmallFileCache(options.maxHotMemory ?? 0, membership !== singleNode)
  const health = new CatalogHealth(stores.catalog, options.onBackgroundError)
  return {
    ...stores,
    membership,
    freeSpace,
    health,
    catalog: smallFiles.watch(freeSpace.guardCatalog(health.watch())),
    chunks: uncommitted.watch(freeSpace.guardChunks(stores.chunks)),
    manifests: uncommitted.watch(freeSpace.guardChunks(stores.manifests)),
    uncommitted,
    options,
    // The other half is for clients that move: with chunks of the default size, that is more than
    // one upload and one download need.
    pool: new BufferPool(maxBufferMemory, Math.floor(maxBufferMemory / 2)),
    emergencyBlock: createEmergencyBlock(),
    storing: new StoreLimiter(options.maxUploadConcurrency, stores.batching),
    reading: new FairLimiter(options.maxDownloadConcurrency),
    writingPieces: new FairLimiter(mostPieces),
    zeroCopyBudget: new ZeroCopyBudget(mostBlocks),
    youngGarbage: new YoungGarbage(),
    smallFiles,
    // No longer than a deleted file stays anyway.
    activeDownloads: new ActiveDownloads(Math.min(awaitsClientMs, options.collectGraceMs)),
    receiving: new Set(),
    uploadLocks: new UploadLocks(),
  }
}

function createEmergencyBlock(): EmergencyBlock {
  let bytes: Buffer | undefined
  return { limiter: new FairLimiter(1), bytes: () => (bytes ??= Buffer.alloc(blockBytes)) }
}
