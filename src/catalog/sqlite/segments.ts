import type { FileId } from '../../model/file.ts'
import { damage, sealOfSegment } from '../seals.ts'
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

export async function addSegment(db: Database, fileId: FileId, { listId, start }: Segment): Promise<void> {
  await insertJoined(db, { fileId, start, partId: listId, seal: sealOfSegment(fileId, start, listId) })
}

/** Whether the upload was joined of others, or something that is still there was joined of it. */
export async function isBoundByJoin(db: Database, id: FileId): Promise<boolean> {
  return (await selectBond(db, { id })).length > 0
}

export const deleteSegments = prepared((db, values: { id: FileId }) =>
  db.deleteFrom('joined').where('file_id', '=', values.id).returning('start'),
)

const insertJoined = prepared((db, values: { fileId: FileId; start: number; partId: FileId; seal: number }) =>
  db.insertInto('joined').values({
    file_id: values.fileId,
    start: values.start,
    part_id: values.partId,
    seal: values.seal,
  }),
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
