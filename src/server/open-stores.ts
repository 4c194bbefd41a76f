import type { OpenedStore, StoreToRead, StoreToRebuild } from '../admin/opened-store.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { ChunkStore } from '../chunks/chunk-store.ts'
import { type Config, readConfig } from '../config/config.ts'
import { type FileStoreOptions, createFileStore } from '../files/state/file-store.ts'
import { heartbeatRegularly } from '../files/upkeep/heartbeat-regularly.ts'
import { heartbeat, heartbeatMs } from '../files/upkeep/heartbeat.ts'
import { type Rebuilt, rebuild } from '../files/manifests/rebuild.ts'
import { StoreError, isStoreError } from '../model/errors.ts'
import { type OpenedCatalog, createCatalog, hasCatalog, openCatalog, openInspection } from './open-catalog.ts'
import { countOn, refuseOlder } from './note-commits.ts'
import { openChunkStores, openChunksToRead, requireDirectories } from './open-chunk-stores.ts'
import { openReserves, releaseForStart } from './open-reserves.ts'
import { nameOfStore } from './addresses.ts'
import {
  bindAnew,
  bindStore,
  readStoreIdentity,
  refuseForeignStore,
  refuseOtherPair,
} from './store-identity.ts'
import { sizeThreadPool } from './process-limits.ts'
import { identifyStore } from './watch-store.ts'

export type BackgroundReport = FileStoreOptions['onBackgroundError']

/**
 * Opens an existing store for a command that maintains it, as the only process. Flags and variables
 * are those of the server. Rejects `ConfigError`, `not_found` if there is no store, and
 * `unavailable` if a server has it open or it cannot be used.
 */
export async function openStore(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  onBackgroundError: BackgroundReport,
): Promise<OpenedStore> {
  const config = readConfig(argv, env, warn)
  await requireStore(config)
  sizeThreadPool(config)
  const opened = await openConfigured(config, onBackgroundError)
  const leadership = await opened.leaderLock.tryAcquire()
  if (!leadership) {
    await opened.close()
    throw new StoreError('unavailable', `A server looks after ${opened.address} at the moment.`)
  }
  const close = async () => {
    await leadership.release()
    await opened.close()
  }
  return { ...opened, close }
}

/** The same for a command that changes nothing: a server may have the store open. */
export async function openStoreToRead(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<StoreToRead> {
  const config = readConfig(argv, env, warn)
  await requireStore(config)
  sizeThreadPool(config)
  await readStoreIdentity(config)
  const inspection = await openInspection(config)
  try {
    await refuseOtherPair(config, inspection)
    await refuseOlder(config, inspection)
    const { chunks, unverified, manifests } = await openChunksToRead(config)
    const close = async () => {
      await chunks.close()
      await manifests.close()
      await inspection.close()
    }
    return { inspection, unverified, chunks, manifests, address: nameOfStore(config), graces: config, close }
  } catch (error) {
    await inspection.close()
    throw error
  }
}

/**
 * The same for a store to fill, which is created if it is missing. If its catalog is shared,
 * servers may have it open.
 */
export async function openStoreToFill(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  onBackgroundError: BackgroundReport,
): Promise<OpenedStore> {
  const config = readConfig(argv, env, warn)
  sizeThreadPool(config)
  const opened = await openConfigured(config, onBackgroundError)
  if (!opened.isShared) return opened
  const heartbeats = heartbeatRegularly(opened.store, heartbeatMs)
  const close = async () => {
    await heartbeats.stop()
    await opened.close()
  }
  return { ...opened, close }
}

/** The same for a store of which only chunks and manifests are left. */
export async function openStoreToRebuild(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<StoreToRebuild> {
  const config = readConfig(argv, env, warn)
  await requireDirectories(config, ['chunks', 'records'])
  sizeThreadPool(config)
  await readStoreIdentity(config)
  const { chunks, manifests, close } = await openChunkStores(config)
  let hasBegun = false
  return {
    address: nameOfStore(config),
    manifests,
    hasBegun: () => hasBegun,
    async rebuild(onRead) {
      let rebuilt: Rebuilt | undefined
      await createCatalog(config, async (catalog) => {
        hasBegun = true
        await bindAnew(config, catalog)
        await countOn(config, catalog)
        rebuilt = await rebuild({ chunks, manifests }, catalog, onRead)
      })
      return rebuilt!
    },
    close,
  }
}

export interface ConfiguredStore
  extends OpenedStore, Pick<OpenedCatalog, 'leaderLock' | 'isShared' | 'death'> {}

/**
 * Opens what the configuration names, and creates what is missing. On a full disk it uses the space
 * that is kept for this. Rejects `unavailable`, `no_space`.
 */
export async function openConfigured(
  config: Config,
  onBackgroundError: BackgroundReport,
): Promise<ConfiguredStore> {
  for (;;) {
    try {
      return await openOnce(config, onBackgroundError)
    } catch (error) {
      if (!isStoreError(error, 'no_space') || !(await releaseForStart(config).catch(() => false))) throw error
    }
  }
}

async function openOnce(config: Config, onBackgroundError: BackgroundReport): Promise<ConfiguredStore> {
  await refuseForeignStore(config)
  const known = await readStoreIdentity(config)
  const { chunks, manifests, batching, close: closeChunks } = await openChunkStores(config)
  try {
    // An empty catalog would take everything in the store for garbage.
    if (!(await hasCatalog(config)) && (await isUsed(manifests))) throw lostCatalog(config)
    const { catalog, membership, leaderLock, isShared, death } = await openCatalog(config)
    try {
      if (!known) await refuseEmptyCatalog(config, catalog, manifests)
      await bindStore(config, catalog)
      await refuseOlder(config, catalog)
    } catch (error) {
      await catalog.close()
      throw error
    }
    const reserves = await openReserves(config)
    const store = createFileStore(
      { catalog, chunks, manifests, membership, ...(batching && { batching }) },
      {
        ...config,
        maxClockSkewMs: isShared ? config.maxClockSkewMs : 0,
        ...(reserves && {
          freeBytes: () => reserves.free(config.minFreeSpace),
          releaseSpace: () => reserves.release(),
        }),
        confirmStore: await identifyStore(config),
        onBackgroundError,
      },
    )
    // Other processes must know of this one before it uses anything.
    if (isShared) await heartbeat(store)
    const close = async () => {
      await closeChunks()
      await catalog.close()
      await reserves?.close()
    }
    return { store, address: nameOfStore(config), leaderLock, isShared, ...(death && { death }), close }
  } catch (error) {
    await closeChunks()
    throw error
  }
}

async function isUsed(manifests: ChunkStore): Promise<boolean> {
  for await (const _record of manifests.list()) return true
  return false
}

/**
 * Nothing says which catalog a store of format 1 belongs to, but an empty one is not it. A catalog
 * that is bound by now was new a moment ago, and another server has stored these manifests with it.
 */
async function refuseEmptyCatalog(config: Config, catalog: Catalog, manifests: ChunkStore): Promise<void> {
  if (!(await isUsed(manifests)) || (await catalog.findBinding())) return
  const known = [
    await catalog.listFileManifests(undefined, 1),
    await catalog.listAllChunks(undefined, 1),
    await catalog.listUnlinkedManifests(1),
    await catalog.listGarbage(1),
  ]
  if (known.every(({ length }) => length === 0)) throw lostCatalog(config)
}

function lostCatalog(config: Config): StoreError {
  const name = nameOfStore(config)
  const message = `The catalog of ${name} is gone, but its files are not: make a new one with ashlar rebuild --store ${name}.`
  return new StoreError('unavailable', message)
}

async function requireStore(config: Config): Promise<void> {
  await requireDirectories(config, ['chunks'])
  if (!(await hasCatalog(config))) throw lostCatalog(config)
}

const warned = new Set<string>()

/** On standard error, once each: `migrate` reads the variables for both of its stores. */
export function warn(message: string): void {
  if (!warned.has(message)) console.error(`ashlar: ${message}`)
  warned.add(message)
}
