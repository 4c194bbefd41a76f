import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import { given } from './given.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

/** A list of chunks, as a part of a file or an upload. */
export interface Segment {
  readonly listId: FileId
  /** Where in the file the list begins. */
  readonly start: number
}

/**
 * The one that holds byte `from` and those behind it, in order, at most `limit`. What was joined has the lists of its parts, where they are: joining
 * takes as long for any size. All else has a list of its own.
 */
export async function segmentsFrom(
  db: Database,
  id: FileId,
  from: number,
  limit = Number.MAX_SAFE_INTEGER,
): Promise<readonly Segment[]> {
  const rows = await selectJoined(db, { id, from, limit })
  if (rows.length === 0) return [{ listId: id, start: 0 }]
  return rows.map(({ part_id: listId, start }) => ({ listId, start }))
}

/** Gives it the lists of these uploads, and of what they were joined of, each from its place on. */
export async function addSegments(db: Database, fileId: FileId, segments: readonly Segment[]): Promise<void> {
  const listIds = segments.map(({ listId }) => listId)
  await insertJoined(db, { fileId, listIds, starts: segments.map(({ start }) => start) })
}

/** Whether the upload was joined of others, or something that is still there was joined of it. */
export async function isBoundByJoin(db: Database, id: FileId): Promise<boolean> {
  return (await selectBond(db, { id })).length > 0
}

export const deleteSegments = prepared((db, values: { ids: readonly FileId[] }) =>
  db
    .deleteFrom('joined')
    .where('file_id', '=', sql<FileId>`any(${values.ids}::uuid[])`)
    .returning('start'),
)

const insertJoined = prepared(
  (db, values: { fileId: FileId; listIds: readonly FileId[]; starts: readonly number[] }) =>
    db
      .insertInto('joined')
      .columns(['file_id', 'start', 'part_id'])
      .expression((eb) =>
        eb
          .selectFrom(given<Segment>({ listId: [values.listIds, 'uuid'], start: [values.starts, 'bigint'] }))
          .leftJoin('joined as inner', 'inner.file_id', 'given.listId')
          .select((row) => [
            sql<FileId>`${values.fileId}::uuid`.as('file_id'),
            row('given.start', '+', row.fn.coalesce('inner.start', row.lit(0))).as('start'),
            row.fn.coalesce('inner.part_id', 'given.listId').as('part_id'),
          ]),
      ),
)

const selectJoined = prepared((db, values: { id: FileId; from: number; limit: number }) =>
  db
    .selectFrom('joined')
    .select(['start', 'part_id'])
    .where('file_id', '=', values.id)
    .where('start', '>=', (eb) =>
      eb.fn.coalesce(
        eb
          .selectFrom('joined as before')
          .select(({ fn }) => fn.max('before.start').as('start'))
          .where('before.file_id', '=', values.id)
          .where('before.start', '<=', values.from),
        eb.lit(0),
      ),
    )
    .orderBy('start')
    .limit(values.limit),
)

const selectBond = prepared((db, values: { id: FileId }) =>
  db
    .selectFrom('joined')
    .select('start')
    .where((eb) => eb.or([eb('file_id', '=', values.id), eb('part_id', '=', values.id)]))
    .limit(1),
)
