import { isDeepStrictEqual } from 'node:util'
import type { Location } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { RecordMove, RecordPlace } from '../catalog.ts'
import { damage, sealOfRecord } from '../seals.ts'
import type { Database } from './dialect.ts'
import { always, prepared } from './prepared.ts'
import type { RecordTable } from './schema.ts'

export async function addRecord(db: Database, id: FileId, record: RecordPlace | undefined): Promise<void> {
  const { locations = [] } = record ?? {}
  if (locations.length === 0) return
  await insertRecords(db, id, pagesOf(locations))
}

/** Of a file that is locked. Rejects `record_moved`. */
export async function moveRecord(db: Database, id: FileId, { from, to }: RecordMove): Promise<void> {
  const [first] = await listRecords(db, id)
  if (first !== from) throw new StoreError('record_moved', 'The file has been changed meanwhile.')
  if (from !== undefined) await endPage(db, { location: from })
  await insertRecords(db, id, pagesOf([to]))
}

/** Rejects `record_moved`. */
export async function replaceRecords(
  db: Database,
  id: FileId,
  from: readonly Location[],
  to: readonly Location[],
): Promise<void> {
  const [file] = await lockFileId(db, { id })
  const current = await listRecords(db, id)
  if (!file || !isDeepStrictEqual(current, from))
    throw new StoreError('record_moved', 'The file has been changed meanwhile.')
  for (const location of from) await endPage(db, { location })
  await insertRecords(db, id, pagesOf(to))
}

export async function listRecords(db: Database, id: FileId): Promise<readonly Location[]> {
  return sealedOf(id, await selectRecords(db, { id }))
}

/** Throws `corrupt` rather than name the record of another file, which somebody is about to delete. */
export function sealedOf(
  id: FileId,
  rows: readonly Pick<RecordTable, 'location' | 'page' | 'seal'>[],
): readonly Location[] {
  return rows.map(({ location, page, seal }) => {
    if (seal !== sealOfRecord(location, id, page)) throw damage(`where the record of ${id} is has changed`)
    return location
  })
}

export async function listEndedRecords(
  db: Database,
  limit: number,
  foundBefore = Number.MAX_SAFE_INTEGER,
): Promise<readonly Location[]> {
  // What the catalog has let go itself was not found by anybody.
  const rows = await selectEnded(db, { limit, foundBefore: Math.max(1, foundBefore) })
  return rows.map(({ location }) => location)
}

/** To be called when no change is under way that could make one of them known. */
export async function adoptRecords(
  db: Database,
  locations: readonly Location[],
  at: number,
): Promise<readonly Location[]> {
  const adopted = await listUnknownRecords(db, locations)
  await insertRecords(
    db,
    null,
    adopted.map((location) => ({ location, page: 0 })),
    at,
  )
  return adopted
}

/** Those that belong to no file, and never did. */
export async function listUnknownRecords(
  db: Database,
  locations: readonly Location[],
): Promise<readonly Location[]> {
  const rows = await selectKnown(db, { locations })
  const known = new Set(rows.map(({ location }) => location))
  return locations.filter((location) => !known.has(location))
}

export async function forgetRecords(db: Database, locations: readonly Location[]): Promise<void> {
  await deleteEnded(db, { locations })
}

type Page = Pick<RecordTable, 'location' | 'page'>

function pagesOf(locations: readonly Location[]): readonly Page[] {
  return locations.map((location, page) => ({ location, page }))
}

export async function insertRecords(
  db: Database,
  id: FileId | null,
  pages: readonly Page[],
  foundAt = 0,
): Promise<void> {
  const rows = pages.map(({ location, page }) => {
    return { location, page, seal: sealOfRecord(location, id ?? '', page) }
  })
  await upsertRecords(db, { id, rows, foundAt })
}

interface NewRecords {
  readonly id: FileId | null
  readonly rows: readonly (Page & { readonly seal: number })[]
  readonly foundAt: number
}

const upsertRecords = prepared((queries, { id, rows, foundAt }: NewRecords, { given, typed }) =>
  queries
    .insertInto('records')
    .columns(['location', 'page', 'seal', 'file_id', 'found_at'])
    .expression((eb) =>
      eb
        .selectFrom(given(rows, { location: 'text', page: 'integer', seal: 'integer' }))
        .select([
          'location',
          'page',
          'seal',
          typed(id, 'id').as('file_id'),
          typed(foundAt, 'integer').as('found_at'),
        ])
        .where(always),
    )
    // One that was taken for an orphan, and is made known after all.
    .onConflict((conflict) =>
      conflict.column('location').doUpdateSet((eb) => ({
        file_id: eb.ref('excluded.file_id'),
        page: eb.ref('excluded.page'),
        seal: eb.ref('excluded.seal'),
        found_at: eb.ref('excluded.found_at'),
      })),
    ),
)

export const endPage = prepared((queries, values: { location: Location }) =>
  queries.updateTable('records').set({ file_id: null }).where('location', '=', values.location),
)

const lockFileId = prepared((queries, values: { id: FileId }, { lock }) =>
  queries.selectFrom('files').select('id').where('id', '=', values.id).modifyEnd(lock('for update')),
)

const selectRecords = prepared((queries, values: { id: FileId }) =>
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

const selectEnded = prepared((queries, values: { limit: number; foundBefore: number }) =>
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

const deleteEnded = prepared((queries, { locations }: Locations, { isAmong }) =>
  queries
    .deleteFrom('records')
    .where(isAmong('location', locations, 'text'))
    .where('file_id', 'is', null),
)
