import { ConfigError, readConfig, type Config } from '../config/config.ts'
import { openConfigured, type BackgroundReport, warn } from './open-stores.ts'
import { heartbeatMs } from '../files/upkeep/heartbeat.ts'
import { noteCommits } from './note-commits.ts'
import { nameOfCatalog, storeAddress } from './addresses.ts'
import { planOpenFiles, sizeThreadPool } from './process-limits.ts'
import { watchStore } from './watch-store.ts'
import { collectRegularly } from '../files/upkeep/collect-regularly.ts'
import { heartbeatRegularly } from '../files/upkeep/heartbeat-regularly.ts'
import { scrubManifestsRegularly, scrubRegularly } from '../files/upkeep/scrub-regularly.ts'
import { systemClock, Throttle } from '../files/upkeep/throttle.ts'
import { runAsLeader } from '../files/upkeep/run-as-leader.ts'
import { createApp } from './app.ts'
import { Lingering } from '../http/server/lingering.ts'
import { createMetrics } from '../http/server/metrics.ts'
import { TrustedProxies } from '../http/site/trusted-proxies.ts'
import { tryToListen } from '../http/server/listen.ts'
import { startServer } from '../http/server/start-server.ts'
import { stopSignal } from '../http/server/stop-signal.ts'
import { reportCollection, reportManifests, reportScrub } from './report-upkeep.ts'
import { openLog } from './log/open-log.ts'
import { isStoreError } from '../model/errors.ts'
import { keepHeapSmall } from '../system/keep-heap-small.ts'
import { openFileLimit } from '../system/open-file-limit.ts'
import { shareHeaps } from '../system/share-heaps.ts'
import { turnTuningOff } from '../system/tuning.ts'

/** How often the log checks for a moved store; writes and `/readyz` check by themselves. */
const watchIntervalMs = 5_000

async function serve(config: Config): Promise<void> {
  const { log, destination } = openLog(config)
  const onBackgroundError: BackgroundReport = (error, doing) =>
    log.error({ err: error }, `failed while ${doing}`)
  const opened = await openConfigured(config, onBackgroundError)
  const { store, address, leaderLock, isShared } = opened
  const { confirmStore = async () => {} } = store.options
  void opened.death?.then(async () => {
    log.fatal('a thread of the catalog has died: exiting, because only a restart helps')
    await destination.end()
    process.exit(1)
  })
  const metrics = createMetrics(store)
  metrics.watch(
    'ashlar_log_lines_dropped_total',
    'Log lines that could not be written',
    () => destination.dropped,
  )
  const throttle = new Throttle(config.scrubRate, systemClock)
  const beginUpkeep = () => [
    collectRegularly(store, config, reportCollection(log, metrics)),
    scrubRegularly(store, config, reportScrub(log, metrics), systemClock, throttle),
    scrubManifestsRegularly(store, config, reportManifests(log, metrics), systemClock, throttle),
    noteCommits(config, store.catalog, heartbeatMs, onBackgroundError),
  ]
  const ongoing = [
    runAsLeader(leaderLock, beginUpkeep, { retryMs: heartbeatMs, onError: onBackgroundError }),
    ...(isShared ? [heartbeatRegularly(store, heartbeatMs)] : []),
    watchStore(confirmStore, watchIntervalMs, (error) => {
      if (error === undefined) log.info({ store: address }, 'the store is back where it was')
      else log.error({ err: error, store: address }, 'the store is not where it was: writes are refused')
    }),
  ]
  let isStopping = false
  const lingering = new Lingering(config)
  const proxies = new TrustedProxies(config.trustedProxies)
  const app = createApp(store, {
    log,
    metrics,
    lingering,
    maxFormFiles: config.maxFormFiles,
    corsOrigins: config.corsOrigins,
    publicUrl: config.publicUrl,
    // A name that it listens on is a name to answer to.
    allowedHosts: [...config.allowedHosts, config.host],
    trustedProxies: config.trustedProxies,
    logRequests: config.logRequests,
    metricsAccess: config.metricsAccess,
    isReady: () => !isStopping,
  })
  const plan = planOpenFiles(config, openFileLimit())
  if (plan.maxConnections < config.maxConnections) {
    log.warn(
      { maxConnections: plan.maxConnections, wanted: config.maxConnections },
      `takes ${plan.maxConnections} connections instead of ${config.maxConnections}: this process may not open more files (ulimit -n)`,
    )
  }
  const server = await startServer(app, {
    ...config,
    ...plan,
    lingering,
    log,
    clientAddress: (req) => proxies.clientAddress(req),
    onCutOff: () => metrics.cutOff(),
  })
  log.info(
    { url: server.url, store: address, catalog: nameOfCatalog(config) },
    `Ashlar keeps files in ${address} and listens on ${server.url}`,
  )

  const signal = await stopSignal(process, (another) => {
    log.warn({ signal: another }, 'stopping at once: requests in flight are cut off')
    const exit = () => process.exit(another === 'SIGINT' ? 130 : 143)
    destination.end().then(exit, exit)
  })
  isStopping = true
  log.info({ signal, timeoutMs: config.shutdownTimeoutMs }, 'stopping: what is in flight may finish')
  await server.stop(config.shutdownTimeoutMs)
  await Promise.all(ongoing.map((each) => each.stop()))
  await opened.close()
  log.info('stopped')
  await destination.end()
}

/**
 * Runs the server as flags (`argv` without program and script) and variables say, until SIGTERM or
 * SIGINT. Prints what goes wrong and sets `process.exitCode`.
 */
export async function runServer(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const config = readConfig(argv, env, warn)
    sizeThreadPool(config)
    if (config.tuning === 'off') turnTuningOff()
    keepHeapSmall(storeAddress(config).kind === 's3')
    shareHeaps()
    await tryToListen(config)
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
