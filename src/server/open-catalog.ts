import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogRestore } from '../catalog/catalog-restore.ts'
import { singleNode, type Membership } from '../catalog/membership.ts'
import { soleLeader, type LeaderLock } from '../catalog/leader-lock.ts'
import type { CatalogInspection } from '../catalog/upkeep.ts'
import { SqliteCatalog } from '../catalog/sqlite/sqlite-catalog.ts'
import { SqliteInspection } from '../catalog/sqlite/sqlite-inspection.ts'
import { makeDurableDirectory } from '../chunks/disk/durable-directory.ts'
import { catalogAddress, type Addresses } from './addresses.ts'

export interface OpenedCatalog {
  readonly catalog: Catalog
  readonly membership: Membership
  readonly leaderLock: LeaderLock
  /** Whether other processes may use it at the same time. */
  readonly isShared: boolean
  /** Resolves when this process can never use it again. */
  readonly death?: Promise<void>
}

// Load drivers only when they are used: pg takes as long as everything else.
const postgres = () => import('../catalog/postgres/open-postgres-catalog.ts')

/** Creates the catalog if it is missing. Rejects `unavailable`. */
export async function openCatalog(addresses: Addresses): Promise<OpenedCatalog> {
  const address = catalogAddress(addresses)
  if (address.kind === 'sqlite') {
    await makeDurableDirectory(dirname(address.path))
    const catalog = await SqliteCatalog.open(address.path)
    return { catalog, membership: singleNode, leaderLock: soleLeader, isShared: false, death: catalog.death }
  }
  const { url } = address
  const { tryAcquireLock } = await import('../catalog/postgres/advisory-lock.ts')
  const catalog = await (await postgres()).openPostgresCatalog(url)
  return {
    catalog,
    membership: catalog.membership,
    leaderLock: { tryAcquire: () => tryAcquireLock(url, 'upkeep') },
    isShared: true,
  }
}

export type Inspection = CatalogInspection &
  Pick<Catalog, 'listFiles' | 'listChunks' | 'packChunks' | 'listManifestPages' | 'close'>

/** Changes nothing. Rejects `unavailable`. */
export async function openInspection(addresses: Addresses): Promise<Inspection> {
  const address = catalogAddress(addresses)
  return address.kind === 'sqlite'
    ? SqliteInspection.open(address.path)
    : (await postgres()).openPostgresInspection(address.url)
}

/** Whether there is a catalog. Rejects `unavailable` where that cannot be told. */
export async function hasCatalog(addresses: Addresses): Promise<boolean> {
  const address = catalogAddress(addresses)
  if (address.kind === 'postgres') return (await postgres()).hasPostgresCatalog(address.url)
  // An empty file is the remains of one.
  return (statSync(address.path, { throwIfNoEntry: false })?.size ?? 0) > 0
}

/**
 * Creates a catalog that exists once `fill` has resolved. Rejects `unavailable` if there is one
 * already.
 */
export async function createCatalog(
  addresses: Addresses,
  fill: (catalog: Catalog & CatalogRestore) => Promise<void>,
): Promise<void> {
  const address = catalogAddress(addresses)
  if (address.kind === 'sqlite') {
    // Its directory may be lost with the disk.
    await makeDurableDirectory(dirname(address.path))
    // This loads Kysely, which otherwise only the catalog's threads need.
    const { createAnew } = await import('../catalog/sqlite/create-anew.ts')
    await createAnew(address.path, fill)
    return
  }
  const { createAnew } = await import('../catalog/postgres/create-anew.ts')
  await createAnew(address.url, fill)
}
