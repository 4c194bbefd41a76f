import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { onTestFinished } from 'vitest'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { DiskChunkStore, diskBatching } from '../../src/chunks/disk/disk-chunk-store.ts'
import { MemoryChunkStore } from '../../src/chunks/memory/memory-chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { createFileStore, type FileStore, type FileStoreOptions } from '../../src/files/state/file-store.ts'
import { createApp, type AppOptions } from '../../src/server/app.ts'
import { Lingering, type LingerLimits } from '../../src/http/server/lingering.ts'
import { createMetrics, type HttpMetrics } from '../../src/http/server/metrics.ts'
import { startServer, type ServerOptions } from '../../src/http/server/start-server.ts'

export interface TestServerOptions
  extends
    Partial<FileStoreOptions>,
    Partial<ServerOptions>,
    Partial<Omit<AppOptions, 'metrics'>>,
    Partial<LingerLimits> {
  /** Goes between the disk and `verifying`. */
  readonly wrapChunks?: (store: ChunkStore) => ChunkStore
  /** Else they are in memory, where opening takes no time. */
  readonly hasManifestsOnDisk?: boolean
}

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly store: FileStore
  readonly metrics: HttpMetrics
  readonly chunkDirectory: string
  readonly catalogPath: string
  /**
   * Ends every connection, closes the store and removes what it kept; harmless if called again.
   * Rejects if something went wrong in the background, unless the test gave an `onBackgroundError`
   * of its own.
   */
  readonly stop: () => Promise<void>
}

const defaults = {
  // Several chunks in a file that is quick to send, and a last block that is not whole.
  chunkSize: 128 * 1024,
  maxUploadConcurrency: 4,
  maxDownloadConcurrencyPerFile: 4,
  maxDownloadConcurrency: 16,
  maxBufferMemory: 32 * 1024 * 1024,
  maxHotMemory: 1024 * 1024,
  maxFileSize: Infinity,
  uploadExpiryMs: 60_000,
  collectGraceMs: 0,
  orphanGraceMs: 0,
  host: '127.0.0.1',
  port: 0,
  maxHeaderSize: 16 * 1024,
  maxConnections: 1000,
  maxRequests: 1000,
  maxPipelinedRequests: 32,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 10_000,
  stallTimeoutMs: 10_000,
  minUploadRate: 0,
  lingerTimeoutMs: 10_000,
  maxLingering: 128,
  maxFormFiles: 1000,
  isReady: () => true,
}

/** A real server in this process, that lives as long as the test that starts it. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await openTestServer(options)
  onTestFinished(server.stop)
  return server
}

/** The same, until it is told to stop: for the tests of a whole file. */
export async function openTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  const chunkDirectory = join(directory, 'chunks')
  const catalogPath = join(directory, 'catalog.sqlite')
  const failures: unknown[] = []
  const onBackgroundError = (error: unknown, doing: string) => {
    failures.push(new Error(`failed while ${doing}`, { cause: error }))
  }

  const { wrapChunks = (store: ChunkStore) => store, hasManifestsOnDisk = false, ...others } = options
  const all = { ...defaults, onBackgroundError, log: pino({ level: 'silent' }), ...others }
  const catalog = await SqliteCatalog.open(catalogPath)
  const chunks = verifying(wrapChunks(await DiskChunkStore.open(chunkDirectory)))
  const manifests = hasManifestsOnDisk
    ? await DiskChunkStore.open(join(directory, 'records'), { hasDurableDeletes: true })
    : new MemoryChunkStore()
  const store = createFileStore({ catalog, chunks, manifests, batching: diskBatching }, all)
  const metrics = createMetrics(store)
  const lingering = new Lingering(all)
  const app = createApp(store, { ...all, metrics, lingering })
  const running = await startServer(app, { onCutOff: () => metrics.cutOff(), lingering, ...all })

  const stop = async () => {
    await running.stop(0)
    await chunks.close()
    await manifests.close()
    await catalog.close()
    await rm(directory, { recursive: true, force: true })
    if (failures.length > 0) throw new AggregateError(failures, 'something went wrong in the background')
  }
  let stopped: Promise<void> | undefined
  return {
    url: running.url,
    port: Number(new URL(running.url).port),
    store,
    metrics,
    chunkDirectory,
    catalogPath,
    stop: () => (stopped ??= stop()),
  }
}
