import type { FileId } from '../../model/file.ts'
import { damage, sealOfSegment } from '../seals.ts'
import type { Database } from './dialect.ts'
import { prepared } from './prepared.ts'

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
  const inner = await selectInner(db, { segments })
  const rows = inner.map(({ listId, start, innerStart, partId, seal }) => {
    if (partId !== null && seal !== sealOfSegment(listId, innerStart ?? 0, partId))
      throw damage(`what ${listId} was joined of has changed`)
    const [ownerId, at] = [partId ?? listId, start + (innerStart ?? 0)]
    return { listId: ownerId, start: at, seal: sealOfSegment(fileId, at, ownerId) }
  })
  await insertJoined(db, { fileId, rows })
}

/** Whether the upload was joined of others, or something that is still there was joined of it. */
export async function isBoundByJoin(db: Database, id: FileId): Promise<boolean> {
  return (await selectBond(db, { id })).length > 0
}

export const deleteSegments = prepared((queries, values: { ids: readonly FileId[] }, { isAmong }) =>
  queries
    .deleteFrom('joined')
    .where(isAmong('file_id', values.ids, 'id'))
    .returning('start'),
)

/** With the lists that each of them was joined of. */
const selectInner = prepared((queries, { segments }: { segments: readonly Segment[] }, { given }) =>
  queries
    .selectFrom(given(segments, { listId: 'id', start: 'integer' }))
    .leftJoin('joined as inner', 'inner.file_id', 'given.listId')
    .select([
      'given.listId',
      'given.start',
      'inner.start as innerStart',
      'inner.part_id as partId',
      'inner.seal',
    ]),
)

type SealedSegment = Segment & { readonly seal: number }

const insertJoined = prepared(
  (queries, values: { fileId: FileId; rows: readonly SealedSegment[] }, { given, typed }) =>
    queries
      .insertInto('joined')
      .columns(['file_id', 'start', 'part_id', 'seal'])
      .expression((eb) =>
        eb
          .selectFrom(given(values.rows, { listId: 'id', start: 'integer', seal: 'integer' }))
          .select([
            typed(values.fileId, 'id').as('file_id'),
            'given.start',
            'given.listId as part_id',
            'given.seal',
          ]),
      ),
)

const selectJoined = prepared((queries, values: { id: FileId; from: number; limit: number }) =>
  queries
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

const selectBond = prepared((queries, values: { id: FileId }) =>
  queries
    .selectFrom('joined')
    .select('start')
    .where((eb) => eb.or([eb('file_id', '=', values.id), eb('part_id', '=', values.id)]))
    .limit(1),
)
