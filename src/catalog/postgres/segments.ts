import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import { damage, sealOfSegment } from '../seals.ts'
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
  return rows.map(({ part_id: listId, start, seal }) => {
    if (seal !== sealOfSegment(id, start, listId)) throw damage(`what ${id} was joined of has changed`)
    return { listId, start }
  })
}

/** Gives it the lists of these uploads, and of what they were joined of, each from its place on. */
export async function addSegments(db: Database, fileId: FileId, segments: readonly Segment[]): Promise<void> {
  const outer = {
    listIds: segments.map(({ listId }) => listId),
    starts: segments.map(({ start }) => start),
  }
  const inner = await selectInner(db, outer)
  for (const { listId, innerStart, partId, seal } of inner)
    if (partId !== null && seal !== sealOfSegment(listId, innerStart ?? 0, partId))
      throw damage(`what ${listId} was joined of has changed`)
  const places = inner.map(({ listId, start, innerStart, partId }) => ({
    listId: partId ?? listId,
    start: start + (innerStart ?? 0),
  }))
  await insertJoined(db, {
    fileId,
    listIds: places.map(({ listId }) => listId),
    starts: places.map(({ start }) => start),
    seals: places.map(({ listId, start }) => sealOfSegment(fileId, start, listId)),
  })
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

interface Places {
  readonly listIds: readonly FileId[]
  readonly starts: readonly number[]
}

/** With the lists that each of them was joined of. */
const selectInner = prepared((db, values: Places) =>
  db
    .selectFrom(given<Segment>({ listId: [values.listIds, 'uuid'], start: [values.starts, 'bigint'] }))
    .leftJoin('joined as inner', 'inner.file_id', 'given.listId')
    .select([
      'given.listId',
      'given.start',
      'inner.start as innerStart',
      'inner.part_id as partId',
      'inner.seal',
    ]),
)

const insertJoined = prepared(
  (db, values: Places & { readonly fileId: FileId; readonly seals: readonly number[] }) =>
    db
      .insertInto('joined')
      .columns(['file_id', 'start', 'part_id', 'seal'])
      .expression((eb) =>
        eb
          .selectFrom(
            given<Segment & { readonly seal: number }>({
              listId: [values.listIds, 'uuid'],
              start: [values.starts, 'bigint'],
              seal: [values.seals, 'bigint'],
            }),
          )
          .select([
            sql<FileId>`${values.fileId}::uuid`.as('file_id'),
            'given.start',
            'given.listId as part_id',
            'given.seal',
          ]),
      ),
)

const selectJoined = prepared((db, values: { id: FileId; from: number; limit: number }) =>
  db
    .selectFrom('joined')
    .select(['start', 'part_id', 'seal'])
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
