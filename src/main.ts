import { existsSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import pino from 'pino'
import type { OpenedStore, StoreToRead, StoreToRebuild } from './admin/opened-store.ts'
import { createAnew } from './catalog/sqlite/create-anew.ts'
import { SqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts'
import { SqliteSurvey } from './catalog/sqlite/sqlite-survey.ts'
import type { ChunkStore } from './chunks/chunk-store.ts'
import { DiskChunkStore } from './chunks/disk/disk-chunk-store.ts'
import { makeDurableDirectory } from './chunks/disk/durable-directory.ts'
import { freeBytes } from './chunks/disk/free-bytes.ts'
import { verifying } from './chunks/verifying.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import { collectRegularly } from './files/collect-regularly.ts'
import { createFileStore, type FileStoreOptions } from './files/file-store.ts'
import { rebuild, type Rebuilt } from './files/rebuild.ts'
import { scrubRegularly } from './files/scrub-regularly.ts'
import { createApp } from './http/app.ts'
import { connectionsThatFit } from './http/connections-that-fit.ts'
import { createMetrics } from './http/metrics.ts'
import { startServer } from './http/start-server.ts'
import { reportCollection, reportScrub } from './http/report-upkeep.ts'
import { isStoreError, StoreError } from './model/errors.ts'

type BackgroundReport = FileStoreOptions['onBackgroundError']

const catalogFile = 'catalog.sqlite'
const chunkDirectory = 'chunks'
const recordDirectory = 'records'

async function serve(config: Config): Promise<void> {
  const destination = pino.destination({ sync: false })
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  )
  await makeDurableDirectory(resolve(config.store))
  const opened = await openConfigured(config, (error, doing) =>
    log.error({ err: error }, `failed while ${doing}`),
  )
  const { store, directory } = opened
  const metrics = createMetrics(store)
  const upkeep = [
    collectRegularly(store, config, reportCollection(log, metrics)),
    scrubRegularly(store, config, reportScrub(log, metrics)),
  ]
  let isStopping = false
  const app = createApp(store, {
    log,
    metrics,
    maxFormFiles: config.maxFormFiles,
    corsOrigins: config.corsOrigins,
    isReady: () => !isStopping,
  })
  const maxConnections = connectionsThatFit(config.maxConnections)
  if (maxConnections < config.maxConnections) {
    log.warn(
      { maxConnections, wanted: config.maxConnections },
      `takes ${maxConnections} connections instead of ${config.maxConnections}: this process may not open more files (ulimit -n)`,
    )
  }
  const server = await startServer(app, { ...config, maxConnections, onCutOff: () => metrics.cutOff() })
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
  await Promise.all(upkeep.map((each) => each.stop()))
  await opened.close()
  log.info('stopped')
  destination.flushSync()
}

/**
 * Opens a store that is there for a command that has it for itself. Flags and variables are the server's. Rejects `ConfigError`,
 * `not_found` if there is none, and `unavailable` if a server has it open, or if it cannot be used.
 */
export async function openStore(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  onBackgroundError: BackgroundReport,
): Promise<OpenedStore> {
  const config = readConfig(argv, env)
  await checkPresence(config)
  sizeThreadPool(config)
  return openConfigured(config, onBackgroundError)
}

/** The same for one that changes nothing: a server may have the store open. */
export async function openStoreToRead(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<StoreToRead> {
  const config = readConfig(argv, env)
  await checkPresence(config)
  sizeThreadPool(config)
  const directory = resolve(config.store)
  const survey = await SqliteSurvey.open(join(directory, catalogFile))
  try {
    const unverified = await DiskChunkStore.open(join(directory, chunkDirectory))
    const close = async () => {
      await unverified.close()
      await survey.close()
    }
    return { survey, unverified, chunks: verifying(unverified), directory, graces: config, close }
  } catch (error) {
    await survey.close()
    throw error
  }
}

/** The same for one of which only chunks and records are left. */
export async function openStoreToRebuild(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<StoreToRebuild> {
  const config = readConfig(argv, env)
  await checkPresence(config, [chunkDirectory, recordDirectory])
  sizeThreadPool(config)
  const directory = resolve(config.store)
  const chunks = verifying(await DiskChunkStore.open(join(directory, chunkDirectory)))
  const records = await DiskChunkStore.open(join(directory, recordDirectory))
  return {
    directory,
    async rebuild() {
      let rebuilt: Rebuilt | undefined
      await createAnew(join(directory, catalogFile), async (catalog) => {
        rebuilt = await rebuild({ chunks, records }, catalog)
      })
      return rebuilt!
    },
    async close() {
      await chunks.close()
      await records.close()
    },
  }
}

async function openConfigured(config: Config, onBackgroundError: BackgroundReport): Promise<OpenedStore> {
  const directory = resolve(config.store)
  const records = await DiskChunkStore.open(join(directory, recordDirectory), { hasDurableDeletes: true })
  await refuseLostCatalog(directory, records)
  const catalog = await SqliteCatalog.open(join(directory, catalogFile))
  const chunks = verifying(await DiskChunkStore.open(join(directory, chunkDirectory)))
  const store = createFileStore(
    { catalog, chunks, records },
    { ...config, freeBytes: () => freeBytes(directory, config.minFreeSpace), onBackgroundError },
  )
  const close = async () => {
    await chunks.close()
    await records.close()
    await catalog.close()
  }
  return { store, directory, close }
}

/** To an empty catalog all that is there would be garbage. */
async function refuseLostCatalog(directory: string, records: ChunkStore): Promise<void> {
  if (existsSync(join(directory, catalogFile))) return
  for await (const _record of records.list()) throw lostCatalog(directory)
}

function lostCatalog(directory: string): StoreError {
  const message = `The catalog of ${directory} is gone, but its files are not: make a new one with ashlar rebuild --store ${directory}.`
  return new StoreError('unavailable', message)
}

async function checkPresence(config: Config, names = [catalogFile, chunkDirectory]): Promise<void> {
  const directory = resolve(config.store)
  const isThere = (name: string) => existsSync(join(directory, name))
  if (names.includes(catalogFile) && !isThere(catalogFile) && isThere(recordDirectory))
    throw lostCatalog(directory)
  for (const name of names) {
    await access(join(directory, name)).catch((error: unknown) => {
      const message = `There is no store in ${directory}, or it cannot be reached: it has no ${name}.`
      throw new StoreError('not_found', message, { cause: error })
    })
  }
}

/**
 * Buffers have their bound, and what V8 keeps for each client is to have one, too: left to itself it lets garbage pile up to several times
 * what thousands of clients need, and the threads of the catalog do the same.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--optimize-for-size')
}

/** Syncs block a thread each: however slow the disk, some are left for reads. */
function sizeThreadPool({ maxUploadConcurrency }: Config): void {
  // Read when the first asynchronous call is made, which is after this.
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.min(1024, 4 + 2 * maxUploadConcurrency))
}

/**
 * The server, as flags (`argv` without program and script) and variables say, until SIGTERM or SIGINT ends it. What goes wrong is
 * printed, and is in `process.exitCode`.
 */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const config = readConfig(argv, env)
    sizeThreadPool(config)
    keepHeapSmall()
    await serve(config)
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
}

// As `ashlar serve` it is called by who has imported it.
if (import.meta.main) await main(process.argv.slice(2), process.env)
