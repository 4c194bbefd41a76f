import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ManifestMove, ManifestLocations } from '../catalog.ts'
import { damage, sealOfManifest } from '../seals.ts'
import type { ListedManifest } from '../upkeep.ts'
import type { Database } from './dialect.ts'
import { fileColumns, fileOfRow, type FileRow } from './file-rows.ts'
import { inserted, prepared } from './prepared.ts'
import { beforeAllIds, type RecordTable } from './schema.ts'

export async function addManifest(
  db: Database,
  id: FileId,
  manifest: ManifestLocations | undefined,
): Promise<void> {
  const { locations = [] } = manifest ?? {}
  if (locations.length === 0) return
  await insertManifests(db, id, pagesOf(locations))
}

/** For a locked file. Rejects `manifest_moved`. */
export async function moveManifest(db: Database, id: FileId, { from, to }: ManifestMove): Promise<void> {
  const [first] = await listManifestPages(db, id)
  if (first !== from) throw new StoreError('manifest_moved', 'The file has been changed meanwhile.')
  if (from !== undefined) await endPage(db, { location: from })
  await insertManifests(db, id, pagesOf([to]))
}

/** Rejects `manifest_moved`. */
export async function replaceManifests(
  db: Database,
  id: FileId,
  from: readonly Location[],
  to: readonly Location[],
): Promise<void> {
  const [file] = await lockFileId(db, { id })
  const current = await listManifestPages(db, id)
  if (!file || !isDeepStrictEqual(current, from))
    throw new StoreError('manifest_moved', 'The file has been changed meanwhile.')
  for (const location of from) await endPage(db, { location })
  await insertManifests(db, id, pagesOf(to))
}

export async function listManifestPages(db: Database, id: FileId): Promise<readonly Location[]> {
  return sealedOf(id, await selectManifests(db, { id }))
}

/** Throws `corrupt` rather than return the manifest of another file, for the caller to delete. */
export function sealedOf(
  id: FileId,
  rows: readonly Pick<RecordTable, 'location' | 'page' | 'seal'>[],
): readonly Location[] {
  return rows.map(({ location, page, seal }) => {
    if (seal !== sealOfManifest(location, id, page))
      throw damage(`where the manifest of ${id} is has changed`)
    return location
  })
}

export async function listUnlinkedManifests(
  db: Database,
  limit: number,
  foundBefore = Number.MAX_SAFE_INTEGER,
): Promise<readonly Location[]> {
  // Manifests that are not orphans were found at 0, and are always listed.
  const rows = await selectUnlinkedManifests(db, { limit, foundBefore: Math.max(1, foundBefore) })
  return rows.map(({ location }) => location)
}

/** Call it when no change is in progress that could add one of them. */
export async function markUnknownManifests(
  db: Database,
  locations: readonly Location[],
  at: number,
): Promise<readonly Location[]> {
  const marked = await listUnknownManifests(db, locations)
  await insertManifests(
    db,
    null,
    marked.map((location) => ({ location, page: 0 })),
    at,
  )
  return marked
}

/** Those that belong to no file, and never did. */
export async function listUnknownManifests(
  db: Database,
  locations: readonly Location[],
): Promise<readonly Location[]> {
  const rows = await selectKnown(db, { locations })
  const known = new Set(rows.map(({ location }) => location))
  return locations.filter((location) => !known.has(location))
}

export async function forgetManifests(db: Database, locations: readonly Location[]): Promise<void> {
  await deleteManifestRows(db, { locations })
}

type Page = Pick<RecordTable, 'location' | 'page'>

function pagesOf(locations: readonly Location[]): readonly Page[] {
  return locations.map((location, page) => ({ location, page }))
}

export async function insertManifests(
  db: Database,
  id: FileId | null,
  pages: readonly Page[],
  foundAt = 0,
): Promise<void> {
  const rows = pages.map(({ location, page }) => {
    return { location, page, seal: sealOfManifest(location, id ?? '', page) }
  })
  await upsertManifests(db, { id, rows, foundAt })
}

interface NewManifests {
  readonly id: FileId | null
  readonly rows: readonly (Page & { readonly seal: number })[]
  readonly foundAt: number
}

const upsertManifests = prepared((_, { id, rows, foundAt }: NewManifests, dialect) => {
  const columns = { location: 'text', page: 'integer', seal: 'integer' } as const
  const same = { file_id: dialect.typed(id, 'id'), found_at: dialect.typed(foundAt, 'integer') }
  // One that was taken for an orphan can still be added.
  return sql`${inserted(dialect, 'records', rows, columns, same)} on conflict (location) do update set
    file_id = excluded.file_id, page = excluded.page, seal = excluded.seal, found_at = excluded.found_at`
})

export const endPage = prepared((queries, values: { location: Location }) =>
  queries.updateTable('records').set({ file_id: null }).where('location', '=', values.location),
)

const lockFileId = prepared((queries, values: { id: FileId }, { lock }) =>
  queries.selectFrom('files').select('id').where('id', '=', values.id).modifyEnd(lock('for update')),
)

const selectManifests = prepared((queries, values: { id: FileId }) =>
  queries
    .selectFrom('records')
    .select(['location', 'page', 'seal'])
    .where('file_id', '=', values.id)
    .orderBy('page'),
)

export const selectPage = prepared((queries, values: { id: FileId; page: number }) =>
  queries
    .selectFrom('records')
    .select('location')
    .where('file_id', '=', values.id)
    .where('page', '=', values.page),
)

const selectUnlinkedManifests = prepared((queries, values: { limit: number; foundBefore: number }) =>
  queries
    .selectFrom('records')
    .select('location')
    .where('file_id', 'is', null)
    .where('found_at', '<', values.foundBefore)
    .limit(values.limit),
)

type Locations = { readonly locations: readonly Location[] }

const selectKnown = prepared((queries, { locations }: Locations, { isAmong }) =>
  queries
    .selectFrom('records')
    .select('location')
    .where(isAmong('location', locations, 'text')),
)

const deleteManifestRows = prepared((queries, { locations }: Locations, { isAmong }) =>
  queries
    .deleteFrom('records')
    .where(isAmong('location', locations, 'text'))
    .where('file_id', 'is', null),
)

type PageRow = Pick<RecordTable, 'location' | 'page' | 'seal'>

/** Reads twice: it must see one state of the database. */
export async function listFileManifests(
  db: Database,
  after: FileId | undefined,
  limit: number,
): Promise<readonly ListedManifest[]> {
  const rows = await selectFiles(db, { after: after ?? beforeAllIds, limit })
  const pages = Map.groupBy(await selectPages(db, { ids: rows.map(({ id }) => id) }), ({ id }) => id)
  return rows.map((row) => manifestOf(row, pages.get(row.id) ?? []))
}

function manifestOf(row: FileRow, pages: readonly PageRow[]): ListedManifest {
  const { id, name } = row
  try {
    const locations: readonly Location[] = sealedOf(id, pages)
    return { id, name, file: fileOfRow(row), locations }
  } catch (error) {
    if (isStoreError(error, 'corrupt')) return { id, name, locations: [] }
    throw error
  }
}

const selectFiles = prepared((queries, values: { after: FileId; limit: number }) =>
  queries
    .selectFrom('files')
    .select(fileColumns)
    .where('id', '>', values.after)
    .orderBy('id')
    .limit(values.limit),
)

const selectPages = prepared((queries, values: { ids: readonly FileId[] }, { isAmong }) =>
  queries
    .selectFrom('records')
    .select(['location', 'page', 'seal', (eb) => eb.ref('file_id').$notNull().as('id')])
    .where(isAmong('file_id', values.ids, 'id'))
    .orderBy('file_id')
    .orderBy('page'),
)
