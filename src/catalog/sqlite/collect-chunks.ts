import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import type { CollectQuery } from '../catalog.ts'
import { addGarbage } from './garbage.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'
import { deleteSegments } from './segments.ts'

export async function collectChunks(
  db: Database,
  { letGoBefore, inUse, limit }: CollectQuery,
): Promise<{ readonly hasMore: boolean }> {
  const lists = await selectDiscarded(db, {
    // What was let go at 0 can be collected at once, whatever the clock says.
    before: Math.max(letGoBefore, 1),
    inUse: JSON.stringify(inUse),
    limit: limit + 1,
  })
  const released = new Set<number>()
  let budget = limit
  let hasMore = false
  for (const { file_id: id } of lists) {
    if (budget === 0) {
      hasMore = true
      break
    }
    const uses = await deleteUses(db, { id, limit: budget })
    for (const { chunk_id } of uses) released.add(chunk_id)
    // A list without chunks counts as well, or empty files would make the transaction long.
    budget -= Math.max(uses.length, 1)
    const [rest] = await selectUse(db, { id })
    if (rest) {
      hasMore = true
      continue
    }
    // The lists that it was joined of may be free now.
    if ((await deleteSegments(db, { id })).length > 0) hasMore = true
    await deleteDiscarded(db, { id })
  }
  const unused = await deleteUnused(db, { ids: JSON.stringify([...released]) })
  for (const garbage of unused) await addGarbage(db, garbage)
  return { hasMore }
}

const selectDiscarded = prepared((db, values: { before: number; inUse: string; limit: number }) =>
  db
    .selectFrom('discarded')
    .select('file_id')
    .where('discarded_at', '<', values.before)
    .where('file_id', 'not in', sql<FileId>`(select value from json_each(${values.inUse}))`)
    // What has it was not let go, or not yet collected.
    .where('file_id', 'not in', (eb) => eb.selectFrom('joined').select('part_id'))
    .orderBy('discarded_at')
    .limit(values.limit),
)

const deleteUses = prepared((db, values: { id: FileId; limit: number }) =>
  db
    .deleteFrom('file_chunks')
    .where('file_id', '=', values.id)
    .where('start', 'in', (eb) =>
      eb
        .selectFrom('file_chunks as first')
        .select('first.start')
        .where('first.file_id', '=', values.id)
        .orderBy('first.start')
        .limit(values.limit),
    )
    .returning('chunk_id'),
)

const selectUse = prepared((db, values: { id: FileId }) =>
  db.selectFrom('file_chunks').select('start').where('file_id', '=', values.id).limit(1),
)

const deleteDiscarded = prepared((db, values: { id: FileId }) =>
  db.deleteFrom('discarded').where('file_id', '=', values.id),
)

const deleteUnused = prepared((db, values: { ids: string }) =>
  db
    .deleteFrom('chunks')
    .where('id', 'in', sql<number>`(select value from json_each(${values.ids}))`)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb.selectFrom('file_chunks').select('start').whereRef('file_chunks.chunk_id', '=', 'chunks.id'),
        ),
      ),
    )
    .returning(['location', 'size']),
)
