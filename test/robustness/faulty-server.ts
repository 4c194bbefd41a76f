import { join } from 'node:path'
import pino from 'pino'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import { DiskChunkStore, diskBatching } from '../../src/chunks/disk/disk-chunk-store.ts'
import { MemoryChunkStore } from '../../src/chunks/memory/memory-chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { readConfig } from '../../src/config/config.ts'
import { createFileStore } from '../../src/files/state/file-store.ts'
import { createApp } from '../../src/server/app.ts'
import { Lingering } from '../../src/http/server/lingering.ts'
import { createMetrics } from '../../src/http/server/metrics.ts'
import { startServer } from '../../src/http/server/start-server.ts'
import { faultyCatalog, type FaultyCatalog } from '../support/faulty-catalog.ts'
import { faulty, type FaultyChunkStore } from '../support/faulty.ts'
import type { TestServer } from '../support/test-server.ts'

export interface Faults {
  readonly chunks: FaultyChunkStore
  readonly manifests: FaultyChunkStore
  readonly catalog: FaultyCatalog
}

/** A server in this process, in each of whose stores things go wrong as planned. */
export interface FaultyServer extends TestServer {
  readonly faults: Faults
  /** What went wrong where no client could be told. */
  readonly background: { readonly error: unknown; readonly doing: string }[]
}

/**
 * Opens what the directory has, or a new store. Nothing is planned at first. What is stopped can be
 * opened again, unless it is to keep chunks and manifests in memory.
 */
export async function openFaultyServer(
  directory: string,
  { isInMemory = false }: { readonly isInMemory?: boolean } = {},
): Promise<FaultyServer> {
  const flags = ['--port', '0', '--chunk-size', '64KiB', '--max-buffer-memory', '16MiB']
  const config = readConfig(flags, {})
  const background: { error: unknown; doing: string }[] = []
  const chunkDirectory = join(directory, 'chunks')
  const manifestDirectory = join(directory, 'records')
  const catalogPath = join(directory, 'catalog.sqlite')
  const faults = {
    catalog: faultyCatalog(await SqliteCatalog.open(catalogPath), []),
    chunks: faulty(isInMemory ? new MemoryChunkStore() : await DiskChunkStore.open(chunkDirectory), []),
    manifests: faulty(
      isInMemory
        ? new MemoryChunkStore()
        : await DiskChunkStore.open(manifestDirectory, { hasDurableDeletes: true }),
      [],
    ),
  }
  const store = createFileStore(
    { ...faults, chunks: verifying(faults.chunks), batching: diskBatching },
    {
      ...config,
      // A negative time of grace: also what was unlinked in this very millisecond.
      collectGraceMs: -1,
      orphanGraceMs: -1,
      maxClockSkewMs: 0,
      onBackgroundError: (error, doing) => background.push({ error, doing }),
    },
  )
  const metrics = createMetrics(store)
  const log = pino({ level: 'silent' })
  const lingering = new Lingering(config)
  const app = createApp(store, { ...config, metrics, log, lingering, isReady: () => true })
  const running = await startServer(app, { ...config, log, lingering, onCutOff: () => metrics.cutOff() })

  const stop = async () => {
    await running.stop(0)
    await faults.chunks.close()
    await faults.manifests.close()
    await faults.catalog.close()
  }
  let stopped: Promise<void> | undefined
  return {
    url: running.url,
    port: Number(new URL(running.url).port),
    store,
    metrics,
    chunkDirectory,
    catalogPath,
    faults,
    background,
    stop: () => (stopped ??= stop()),
  }
}
