import pino from 'pino'
import { createApp } from '../../src/server/app.ts'
import { createMetrics } from '../../src/http/server/metrics.ts'
import { startServer } from '../../src/http/server/start-server.ts'
import { openStoreToFill } from '../../src/server/open-stores.ts'

export interface ServedStore {
  readonly port: number
  close(): Promise<void>
}

/**
 * Serves a store in this process, as `ashlar serve` opens it. What fails in the background rejects
 * `close`.
 */
export async function serveStore(directory: string): Promise<ServedStore> {
  const failures: unknown[] = []
  const flags = ['--store', directory, '--chunk-size', '128KiB']
  const opened = await openStoreToFill(flags, {}, (error) => failures.push(error))
  const log = pino({ level: 'silent' })
  const app = createApp(opened.store, {
    log,
    metrics: createMetrics(opened.store),
    maxFormFiles: 1000,
    isReady: () => true,
  })
  const server = await startServer(app, {
    host: '127.0.0.1',
    port: 0,
    maxHeaderSize: 16 * 1024,
    maxConnections: 100,
    maxRequests: 100,
    maxPipelinedRequests: 32,
    headersTimeoutMs: 10_000,
    keepAliveTimeoutMs: 10_000,
    stallTimeoutMs: 10_000,
    minUploadRate: 0,
    onCutOff: () => {},
    log,
  })
  return {
    port: Number(new URL(server.url).port),
    async close() {
      await server.stop(0)
      await opened.close()
      if (failures.length > 0) throw new AggregateError(failures, 'something failed in the background')
    },
  }
}
