import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { RecordMove, RecordPlace } from '../catalog.ts'
import { damage, sealOfRecord } from '../seals.ts'
import { given } from './given.ts'
import { prepared } from './prepared.ts'
import type { Database, RecordTable } from './schema.ts'

export async function addRecord(db: Database, id: FileId, record: RecordPlace | undefined): Promise<void> {
  const { locations = [] } = record ?? {}
  if (locations.length === 0) return
  await insertRecords(db, { id, locations, pages: [...locations.keys()], foundAt: 0 })
}

/** Of a file that is locked. Rejects `record_moved`. */
export async function moveRecord(db: Database, id: FileId, { from, to }: RecordMove): Promise<void> {
  const [first] = await listRecords(db, id)
  if (first !== from) throw new StoreError('record_moved', 'The file has been changed meanwhile.')
  if (from !== undefined) await endPage(db, { location: from })
  await insertRecords(db, { id, locations: [to], pages: [0], foundAt: 0 })
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
  await insertRecords(db, { id, locations: to, pages: [...to.keys()], foundAt: 0 })
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
  await insertRecords(db, { id: null, locations: adopted, pages: adopted.map(() => 0), foundAt: at })
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

export interface NewRecords {
  readonly id: FileId | null
  readonly locations: readonly Location[]
  readonly pages: readonly number[]
  readonly foundAt: number
}

export async function insertRecords(db: Database, records: NewRecords): Promise<void> {
  const { id, locations, pages } = records
  const seals = locations.map((location, index) => sealOfRecord(location, id ?? '', pages[index]!))
  await upsertRecords(db, { ...records, seals })
}

const upsertRecords = prepared((db, values: NewRecords & { readonly seals: readonly number[] }) =>
  db
    .insertInto('records')
    .columns(['location', 'page', 'seal', 'file_id', 'found_at'])
    .expression((eb) =>
      eb
        .selectFrom(
          given<{ location: Location; page: number; seal: number }>({
            location: [values.locations, 'text'],
            page: [values.pages, 'bigint'],
            seal: [values.seals, 'bigint'],
          }),
        )
        .select([
          'location',
          'page',
          'seal',
          sql<FileId | null>`${values.id}::uuid`.as('file_id'),
          sql<number>`${values.foundAt}::bigint`.as('found_at'),
        ]),
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

export const endPage = prepared((db, values: { location: Location }) =>
  db.updateTable('records').set({ file_id: null }).where('location', '=', values.location),
)

const lockFileId = prepared((db, values: { id: FileId }) =>
  db.selectFrom('files').select('id').where('id', '=', values.id).forUpdate(),
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
    .where('found_at', '<', values.foundBefore)
    .limit(values.limit),
)

const selectKnown = prepared((db, values: { locations: readonly Location[] }) =>
  db
    .selectFrom('records')
    .select('location')
    .where('location', '=', sql<Location>`any(${values.locations}::text[])`),
)

const deleteEnded = prepared((db, values: { locations: readonly Location[] }) =>
  db
    .deleteFrom('records')
    .where('location', '=', sql<Location>`any(${values.locations}::text[])`)
    .where('file_id', 'is', null),
)
