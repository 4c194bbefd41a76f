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
import { catalogPlace, type Places } from './places.ts'

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
export async function openCatalog(places: Places): Promise<OpenedCatalog> {
  const place = catalogPlace(places)
  if (place.kind === 'sqlite') {
    await makeDurableDirectory(dirname(place.path))
    const catalog = await SqliteCatalog.open(place.path)
    return { catalog, membership: singleNode, leaderLock: soleLeader, isShared: false, death: catalog.death }
  }
  const { url } = place
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
export async function openInspection(places: Places): Promise<Inspection> {
  const place = catalogPlace(places)
  return place.kind === 'sqlite'
    ? SqliteInspection.open(place.path)
    : (await postgres()).openPostgresInspection(place.url)
}

/** Whether there is a catalog. Rejects `unavailable` where that cannot be told. */
export async function hasCatalog(places: Places): Promise<boolean> {
  const place = catalogPlace(places)
  if (place.kind === 'postgres') return (await postgres()).hasPostgresCatalog(place.url)
  // An empty file is what is left of one.
  return (statSync(place.path, { throwIfNoEntry: false })?.size ?? 0) > 0
}

/** Creates a catalog where none is, which is there when `fill` has resolved. Rejects `unavailable` if there is one. */
export async function createCatalog(
  places: Places,
  fill: (catalog: Catalog & CatalogRestore) => Promise<void>,
): Promise<void> {
  const place = catalogPlace(places)
  if (place.kind === 'sqlite') {
    // It may be lost with the disk that it was on.
    await makeDurableDirectory(dirname(place.path))
    // It loads Kysely, which otherwise only the catalog's threads need.
    const { createAnew } = await import('../catalog/sqlite/create-anew.ts')
    await createAnew(place.path, fill)
    return
  }
  const { createAnew } = await import('../catalog/postgres/create-anew.ts')
  await createAnew(place.url, fill)
}
