import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { RecordMove, RecordPlace } from '../catalog.ts'
import { damage, sealOfRecord } from '../seals.ts'
import { prepared } from './prepared.ts'
import type { Database, RecordTable } from './schema.ts'

export async function addRecord(
  db: Database,
  id: FileId,
  record: Pick<RecordPlace, 'locations'> | undefined,
): Promise<void> {
  for (const [page, location] of (record?.locations ?? []).entries())
    await insertRecord(db, { id, page, location, foundAt: 0 })
}

/** Rejects `record_moved`. */
export async function moveRecord(db: Database, id: FileId, { from, to }: RecordMove): Promise<void> {
  const [first] = await listRecords(db, id)
  if (first !== from) throw new StoreError('record_moved', 'The file has been changed meanwhile.')
  if (from !== undefined) await endPage(db, { location: from })
  await insertRecord(db, { id, page: 0, location: to, foundAt: 0 })
}

/** Rejects `record_moved`. */
export async function replaceRecords(
  db: Database,
  id: FileId,
  from: readonly Location[],
  to: readonly Location[],
): Promise<void> {
  const [file] = await selectFileId(db, { id })
  const current = await listRecords(db, id)
  if (!file || !isDeepStrictEqual(current, from))
    throw new StoreError('record_moved', 'The file has been changed meanwhile.')
  await endAllOf(db, { id })
  await addRecord(db, id, { locations: to })
}

/** Resolves with where they were. */
export async function endRecords(db: Database, id: FileId): Promise<readonly Location[]> {
  return sealedOf(id, await endAllOf(db, { id }))
}

export async function listRecords(db: Database, id: FileId): Promise<readonly Location[]> {
  return sealedOf(id, await selectRecords(db, { id }))
}

type RecordRow = Pick<RecordTable, 'location' | 'page' | 'seal'>

/** Throws `corrupt` rather than name the record of another file, which somebody is about to delete. */
function sealedOf(id: FileId, rows: readonly RecordRow[]): readonly Location[] {
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
  const rows = await selectEnded(db, { limit, foundBefore })
  return rows.map(({ location }) => location)
}

export async function adoptRecords(
  db: Database,
  locations: readonly Location[],
  at: number,
): Promise<readonly Location[]> {
  const rows = await selectKnown(db, { locations: JSON.stringify(locations) })
  const known = new Set(rows.map(({ location }) => location))
  const adopted = locations.filter((location) => !known.has(location))
  for (const location of adopted) await insertRecord(db, { id: null, page: 0, location, foundAt: at })
  return adopted
}

export async function forgetRecords(db: Database, locations: readonly Location[]): Promise<void> {
  for (const location of locations) await deleteEnded(db, { location })
}

export interface NewRecord {
  readonly id: FileId | null
  readonly page: number
  readonly location: Location
  readonly foundAt: number
}

export function insertRecord(db: Database, record: NewRecord): Promise<unknown> {
  const { id, page, location } = record
  return upsertRecord(db, { ...record, seal: sealOfRecord(location, id ?? '', page) })
}

const upsertRecord = prepared((db, values: NewRecord & { readonly seal: number }) =>
  db
    .insertInto('records')
    .values({
      file_id: values.id,
      page: values.page,
      location: values.location,
      found_at: values.foundAt,
      seal: values.seal,
    })
    // One that was taken for an orphan, and is made known after all.
    .onConflict((conflict) =>
      conflict.column('location').doUpdateSet({
        file_id: values.id,
        page: values.page,
        found_at: values.foundAt,
        seal: values.seal,
      }),
    ),
)

export const endPage = prepared((db, values: { location: Location }) =>
  db.updateTable('records').set({ file_id: null }).where('location', '=', values.location),
)

const selectFileId = prepared((db, values: { id: FileId }) =>
  db.selectFrom('files').select('id').where('id', '=', values.id),
)

const endAllOf = prepared((db, values: { id: FileId }) =>
  db
    .updateTable('records')
    .set({ file_id: null })
    .where('file_id', '=', values.id)
    .returning(['location', 'page', 'seal']),
)

const selectRecords = prepared((db, values: { id: FileId }) =>
  db
    .selectFrom('records')
    .select(['location', 'page', 'seal'])
    .where('file_id', '=', values.id)
    .orderBy('page'),
)

export const selectPage = prepared((db, values: { id: FileId; page: number }) =>
  db
    .selectFrom('records')
    .select('location')
    .where('file_id', '=', values.id)
    .where('page', '=', values.page),
)

const selectEnded = prepared((db, values: { limit: number; foundBefore: number }) =>
  db
    .selectFrom('records')
    .select('location')
    .where('file_id', 'is', null)
    // What the catalog has let go itself was not found by anybody.
    .where('found_at', '<', sql<number>`max(1, ${values.foundBefore})`)
    .limit(values.limit),
)

const selectKnown = prepared((db, values: { locations: string }) =>
  db
    .selectFrom('records')
    .select('location')
    .where('location', 'in', sql<Location>`(select value from json_each(${values.locations}))`),
)

const deleteEnded = prepared((db, values: { location: Location }) =>
  db.deleteFrom('records').where('location', '=', values.location).where('file_id', 'is', null),
)
