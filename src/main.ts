import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { SqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts'
import { DiskChunkStore } from './chunks/disk/disk-chunk-store.ts'
import { verifying } from './chunks/verifying.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import { collectRegularly } from './files/collect-regularly.ts'
import { createFileStore } from './files/file-store.ts'
import { createApp } from './http/app.ts'
import { createMetrics } from './http/metrics.ts'
import { startServer } from './http/start-server.ts'
import { isStoreError } from './model/errors.ts'

async function main(config: Config): Promise<void> {
  const destination = pino.destination({ sync: false })
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  )
  const directory = resolve(config.store)
  await mkdir(directory, { recursive: true })
  const catalog = await SqliteCatalog.open(join(directory, 'catalog.sqlite'))
  const chunks = verifying(await DiskChunkStore.open(join(directory, 'chunks')))
  const store = createFileStore(catalog, chunks, {
    ...config,
    onBackgroundError: (error, doing) => log.error({ err: error }, `failed while ${doing}`),
  })
  const collection = collectRegularly(store, config.collectIntervalMs, (collected) => {
    if (collected.chunks + collected.uploads > 0) log.info(collected, 'collected garbage')
  })
  const metrics = createMetrics(store)
  let isStopping = false
  const app = createApp(store, {
    log,
    metrics,
    maxFormFiles: config.maxFormFiles,
    isReady: () => !isStopping,
  })
  const server = await startServer(app, { ...config, onCutOff: () => metrics.cutOff() })
  log.info(
    { url: server.url, store: directory },
    `Ashlar keeps files in ${directory} and listens on ${server.url}`,
  )

  const signal = await new Promise<string>((received) => {
    process.once('SIGTERM', received).once('SIGINT', received)
  })
  isStopping = true
  log.info({ signal, timeoutMs: config.shutdownTimeoutMs }, 'stopping: what is in flight may finish')
  await server.stop(config.shutdownTimeoutMs)
  await collection.stop()
  await chunks.close()
  await catalog.close()
  log.info('stopped')
  destination.flushSync()
}

/** Syncs block a thread each: however slow the disk, some are left for reads. */
function sizeThreadPool({ maxUploadConcurrency }: Config): void {
  // Read when the first asynchronous call is made, which is after this.
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.min(1024, 4 + 2 * maxUploadConcurrency))
}

try {
  const config = readConfig(process.argv.slice(2), process.env)
  sizeThreadPool(config)
  await main(config)
} catch (error) {
  if (error instanceof ConfigError) {
    ;(error.exitCode === 0 ? console.log : console.error)(error.message)
    process.exitCode = error.exitCode
  } else {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isExpected = isStoreError(error) || code.startsWith('E')
    console.error(isExpected ? `ashlar: ${(error as Error).message}` : error)
    process.exit(1)
  }
}
