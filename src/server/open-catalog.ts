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
  /** Other processes may use it at the same time. */
  readonly isShared: boolean
  /** Resolves if it can never be used again by this process. */
  readonly death?: Promise<void>
}

// The drivers are loaded when they are used: pg takes as long as all the rest.
const postgres = () => import('../catalog/postgres/open-postgres-catalog.ts')

/** Creates it if there is none. Rejects `unavailable`. */
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
  // An empty file is what is left of one.
  return (statSync(address.path, { throwIfNoEntry: false })?.size ?? 0) > 0
}

/**
 * Creates a catalog where none is, which is there when `fill` has resolved. Rejects `unavailable`
 * if there is one.
 */
export async function createCatalog(
  addresses: Addresses,
  fill: (catalog: Catalog & CatalogRestore) => Promise<void>,
): Promise<void> {
  const address = catalogAddress(addresses)
  if (address.kind === 'sqlite') {
    // It may be lost with the disk that it was on.
    await makeDurableDirectory(dirname(address.path))
    // It loads Kysely, which otherwise only the catalog's threads need.
    const { createAnew } = await import('../catalog/sqlite/create-anew.ts')
    await createAnew(address.path, fill)
    return
  }
  const { createAnew } = await import('../catalog/postgres/create-anew.ts')
  await createAnew(address.url, fill)
}
