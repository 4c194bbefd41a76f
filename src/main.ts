import { setFlagsFromString } from 'node:v8'
import pino from 'pino'
import type { OpenedStore, StoreToRead, StoreToRebuild } from './admin/opened-store.ts'
import type { ChunkStore } from './chunks/chunk-store.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import {
  createCatalog,
  hasCatalog,
  openCatalog,
  openSurvey,
  type OpenedCatalog,
} from './drivers/open-catalog.ts'
import { openChunksToRead, openChunkStores, refuseUnused } from './drivers/open-chunk-stores.ts'
import { nameOfCatalog, nameOfStore, storePlace } from './drivers/places.ts'
import { planOpenFiles } from './drivers/plan-open-files.ts'
import { collectRegularly } from './files/collect-regularly.ts'
import { createFileStore, type FileStoreOptions } from './files/file-store.ts'
import { keepPresent } from './files/keep-present.ts'
import { meetOthers } from './files/meet-others.ts'
import { rebuild, type Rebuilt } from './files/rebuild.ts'
import { scrubRegularly } from './files/scrub-regularly.ts'
import { upkeepInTurn } from './files/upkeep-in-turn.ts'
import { createApp } from './http/app.ts'
import { createMetrics } from './http/metrics.ts'
import { startServer } from './http/start-server.ts'
import { reportCollection, reportScrub } from './http/report-upkeep.ts'
import { isStoreError, StoreError } from './model/errors.ts'
import { openFileLimit } from './system/open-file-limit.ts'
import { shareHeaps } from './system/share-heaps.ts'

type BackgroundReport = FileStoreOptions['onBackgroundError']

const warned = new Set<string>()

/** On standard error, once each: `migrate` reads the variables for both of its stores. */
function warn(message: string): void {
  if (!warned.has(message)) console.error(`ashlar: ${message}`)
  warned.add(message)
}

/** How often servers that share a catalog hear of each other, and ask for the turn at upkeep. */
const meetingMs = 10_000

async function serve(config: Config): Promise<void> {
  const destination = pino.destination({ sync: false })
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  )
  const onBackgroundError: BackgroundReport = (error, doing) =>
    log.error({ err: error }, `failed while ${doing}`)
  const opened = await openConfigured(config, onBackgroundError)
  const { store, place, upkeepTurns, isShared } = opened
  void opened.death?.then(() => {
    log.fatal('a thread of the catalog has died: exiting, because only a restart helps')
    destination.flushSync()
    process.exit(1)
  })
  const metrics = createMetrics(store)
  const beginUpkeep = () => [
    collectRegularly(store, config, reportCollection(log, metrics)),
    scrubRegularly(store, config, reportScrub(log, metrics)),
  ]
  const ongoing = [
    upkeepInTurn(upkeepTurns, beginUpkeep, { retryMs: meetingMs, onError: onBackgroundError }),
    ...(isShared ? [keepPresent(store, meetingMs)] : []),
  ]
  let isStopping = false
  const app = createApp(store, {
    log,
    metrics,
    maxFormFiles: config.maxFormFiles,
    corsOrigins: config.corsOrigins,
    publicUrl: config.publicUrl,
    // Who has it listen at a name means it to be asked for by that.
    allowedHosts: [...config.allowedHosts, config.host],
    trustedProxies: config.trustedProxies,
    isReady: () => !isStopping,
  })
  const plan = planOpenFiles(config, openFileLimit())
  if (plan.maxConnections < config.maxConnections) {
    log.warn(
      { maxConnections: plan.maxConnections, wanted: config.maxConnections },
      `takes ${plan.maxConnections} connections instead of ${config.maxConnections}: this process may not open more files (ulimit -n)`,
    )
  }
  const server = await startServer(app, { ...config, ...plan, onCutOff: () => metrics.cutOff() })
  log.info(
    { url: server.url, store: place, catalog: nameOfCatalog(config) },
    `Ashlar keeps files in ${place} and listens on ${server.url}`,
  )

  const signal = await new Promise<string>((received) => {
    process.once('SIGTERM', received).once('SIGINT', received)
  })
  isStopping = true
  log.info({ signal, timeoutMs: config.shutdownTimeoutMs }, 'stopping: what is in flight may finish')
  await server.stop(config.shutdownTimeoutMs)
  await Promise.all(ongoing.map((each) => each.stop()))
  await opened.close()
  log.info('stopped')
  destination.flushSync()
}

/**
 * Opens a store that is there for a command that looks after it, as the one process that does. Flags and variables are the server's. Rejects
 * `ConfigError`, `not_found` if there is none, and `unavailable` if a server is at it, or if it cannot be used.
 */
export async function openStore(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  onBackgroundError: BackgroundReport,
): Promise<OpenedStore> {
  const config = readConfig(argv, env, warn)
  await checkPresence(config)
  sizeThreadPool(config)
  const opened = await openConfigured(config, onBackgroundError)
  const turn = await opened.upkeepTurns.take()
  if (!turn) {
    await opened.close()
    throw new StoreError('unavailable', `A server looks after ${opened.place} at the moment.`)
  }
  const close = async () => {
    await turn.release()
    await opened.close()
  }
  return { ...opened, close }
}

/** The same for one that changes nothing: a server may have the store open. */
export async function openStoreToRead(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<StoreToRead> {
  const config = readConfig(argv, env, warn)
  await checkPresence(config)
  sizeThreadPool(config)
  const survey = await openSurvey(config)
  try {
    const { chunks, unverified } = await openChunksToRead(config)
    const close = async () => {
      await chunks.close()
      await survey.close()
    }
    return { survey, unverified, chunks, place: nameOfStore(config), graces: config, close }
  } catch (error) {
    await survey.close()
    throw error
  }
}

/** The same for one that is to be filled, and is created if it is not there. Where the catalog is shared, servers may have it open, too. */
export async function openStoreToFill(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  onBackgroundError: BackgroundReport,
): Promise<OpenedStore> {
  const config = readConfig(argv, env, warn)
  sizeThreadPool(config)
  const opened = await openConfigured(config, onBackgroundError)
  if (!opened.isShared) return opened
  const presence = keepPresent(opened.store, meetingMs)
  const close = async () => {
    await presence.stop()
    await opened.close()
  }
  return { ...opened, close }
}

/** The same for one of which only chunks and records are left. */
export async function openStoreToRebuild(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<StoreToRebuild> {
  const config = readConfig(argv, env, warn)
  await refuseUnused(config, ['chunks', 'records'])
  sizeThreadPool(config)
  const { chunks, records, close } = await openChunkStores(config)
  return {
    place: nameOfStore(config),
    async rebuild() {
      let rebuilt: Rebuilt | undefined
      await createCatalog(config, async (catalog) => {
        rebuilt = await rebuild({ chunks, records }, catalog)
      })
      return rebuilt!
    },
    close,
  }
}

interface ConfiguredStore extends OpenedStore, Pick<OpenedCatalog, 'upkeepTurns' | 'isShared' | 'death'> {}

async function openConfigured(config: Config, onBackgroundError: BackgroundReport): Promise<ConfiguredStore> {
  const { chunks, records, gathering, freeBytes, close: closeChunks } = await openChunkStores(config)
  try {
    // To an empty catalog all that is there would be garbage.
    if (!(await hasCatalog(config)) && (await isUsed(records))) throw lostCatalog(config)
    const { catalog, presence, upkeepTurns, isShared, death } = await openCatalog(config)
    const store = createFileStore(
      { catalog, chunks, records, presence, ...(gathering && { gathering }) },
      {
        ...config,
        maxClockSkewMs: isShared ? config.maxClockSkewMs : 0,
        ...(freeBytes && { freeBytes }),
        onBackgroundError,
      },
    )
    // Others have to know of this process before it counts on anything.
    if (isShared) await meetOthers(store)
    const close = async () => {
      await closeChunks()
      await catalog.close()
    }
    return { store, place: nameOfStore(config), upkeepTurns, isShared, ...(death && { death }), close }
  } catch (error) {
    await closeChunks()
    throw error
  }
}

async function isUsed(records: ChunkStore): Promise<boolean> {
  for await (const _record of records.list()) return true
  return false
}

function lostCatalog(config: Config): StoreError {
  const name = nameOfStore(config)
  const message = `The catalog of ${name} is gone, but its files are not: make a new one with ashlar rebuild --store ${name}.`
  return new StoreError('unavailable', message)
}

async function checkPresence(config: Config): Promise<void> {
  await refuseUnused(config, ['chunks'])
  if (!(await hasCatalog(config))) throw lostCatalog(config)
}

/**
 * Buffers have their bound, and what V8 keeps for each client is to have one, too: left to itself it lets garbage pile up to several times
 * what thousands of clients need, and the threads of the catalog do the same. `--optimize-for-size` would do more, and take twice the time for small files.
 * What is read from a bucket comes in buffers that die young, as bodies do, and there is a full collection whenever they are a part of the heap:
 * with a fifth, that took half of the throughput.
 */
function keepHeapSmall(config: Config): void {
  const isBucket = storePlace(config).kind === 's3'
  setFlagsFromString(`--heap-growing-percent=${isBucket ? 400 : 20}`)
  // Small collections are over before other threads have begun.
  if (isBucket) setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--semi-space-growth-factor=1')
  // What bodies came in is freed where it was made, at once: to hand it to another thread, and to wait for that, took uploads a twentieth of their throughput.
  setFlagsFromString('--no-concurrent-array-buffer-sweeping')
}

/** Of chunks and of records each: one is being written, and four are being rewritten without what is deleted. */
const packsAtOnce = 10

/** Syncs block a thread each: however slow the disk, some are left for reads. */
function sizeThreadPool({ maxUploadConcurrency }: Config): void {
  // Read when the first asynchronous call is made, which is after this.
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.min(1024, 4 + 2 * maxUploadConcurrency + packsAtOnce))
}

/**
 * The server, as flags (`argv` without program and script) and variables say, until SIGTERM or SIGINT ends it. What goes wrong is
 * printed, and is in `process.exitCode`.
 */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const config = readConfig(argv, env, warn)
    sizeThreadPool(config)
    keepHeapSmall(config)
    shareHeaps()
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
