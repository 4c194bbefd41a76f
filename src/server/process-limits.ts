import type { Config } from '../config/config.ts'

/**
 * How many files may be open at once, so that a process never runs out of them in the middle of a
 * request.
 */
export interface OpenFilePlan {
  readonly maxConnections: number
  /** Connections beyond those, which are told that there are too many. */
  readonly surplusConnections: number
  /** Chunk files that each disk store keeps open between reads. */
  readonly keptFiles: number
  /** Whether a disk store keeps its 256 directories open, which saves two calls a chunk. */
  readonly keepsDirectories: boolean
}

type Wanted = Pick<Config, 'maxConnections' | 'maxUploadConcurrency' | 'maxDownloadConcurrency'>

const surplusConnections = 256
const keptFiles = 128

/** Two disk stores with everything that they keep open, Node and the catalog. */
const comfort = 1024
/** Below this, connections are reduced before what makes chunks faster. */
const ample = 2048
/** Node, the catalog, packs being written, and files being listed. */
const ownFiles = 64
/** A server that accepts fewer connections is useless. */
const fewest = 16

/** `limit` is how many files the process may open; absent where the system does not say. */
export function planOpenFiles(wanted: Wanted, limit: number = Infinity): OpenFilePlan {
  const { maxConnections, maxUploadConcurrency, maxDownloadConcurrency } = wanted
  const all = { surplusConnections, keptFiles, keepsDirectories: true }
  if (limit >= maxConnections + surplusConnections + comfort) return { ...all, maxConnections }
  if (limit >= ample) return { ...all, maxConnections: limit - surplusConnections - comfort }
  const inUse = ownFiles + maxUploadConcurrency + maxDownloadConcurrency
  const left = Math.max(0, limit - inUse)
  const few = Math.max(4, Math.floor(left / 32))
  const surplus = Math.max(4, Math.floor(left / 16))
  return {
    maxConnections: Math.min(maxConnections, Math.max(fewest, left - 2 * few - surplus)),
    surplusConnections: surplus,
    keptFiles: few,
    keepsDirectories: false,
  }
}

/**
 * Packs of chunks and of manifests each: one is being written, and four are being rewritten without
 * deleted chunks.
 */
const packsAtOnce = 10

/** Each sync blocks a thread: however slow the disk, some threads are left for reads. */
export function sizeThreadPool({ maxUploadConcurrency }: Config): void {
  // Read when the first asynchronous call is made, which is after this.
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.min(1024, 4 + 2 * maxUploadConcurrency + packsAtOnce))
}
