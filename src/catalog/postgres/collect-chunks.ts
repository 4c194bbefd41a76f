import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import type { CollectQuery } from '../catalog.ts'
import { addGarbage } from './garbage.ts'
import { given } from './given.ts'
import { none } from './none.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'
import { deleteSegments } from './segments.ts'

/** What another one is collecting is left to it. */
export async function collectChunks(
  db: Database,
  { letGoBefore, inUse, limit }: CollectQuery,
): Promise<{ readonly hasMore: boolean }> {
  const found = await selectDiscarded(db, {
    // What was let go at 0 can be collected at once, whatever the clock says.
    before: Math.max(letGoBefore, 1),
    inUse,
    limit: limit + 1,
  })
  const [taken, next] = [found.slice(0, limit), found[limit]]
  const uses = taken.flatMap(({ start, chunk_id, ...use }) =>
    start === null || chunk_id === null ? [] : [{ ...use, start, chunk_id }],
  )
  await deleteUses(db, {
    fileIds: uses.map((use) => use.file_id),
    starts: uses.map(({ start }) => start),
  })
  const ids = new Set(taken.map((use) => use.file_id))
  if (next) ids.delete(next.file_id)
  const ended = { ids: [...ids] }
  // The lists that they were joined of may be free now.
  const freed = await deleteSegments(db, ended)
  await deleteDiscarded(db, ended)
  await collectUnused(db, [...new Set(uses.map(({ chunk_id }) => chunk_id))])
  return { hasMore: next !== undefined || freed.length > 0 }
}

/**
 * Who is using one of them just now is waited for first. Whether they are used is seen by a statement of its own, that sees what has been
 * committed by then, also by others who collect: of two who each take away one of the last two uses the second has the chunk.
 */
async function collectUnused(db: Database, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await lockChunks(db, { ids })
  await addGarbage(db, await deleteUnused(db, { ids }))
}

/** A row for each chunk of a list, and one for a list without any, which counts as well, or empty files would make the transaction long. */
const selectDiscarded = prepared((db, values: { before: number; inUse: readonly FileId[]; limit: number }) =>
  db
    .with('list', (cte) =>
      cte
        .selectFrom('discarded')
        .select(['file_id', 'discarded_at'])
        .where('discarded_at', '<', values.before)
        .where('file_id', '!=', sql<FileId>`all(${values.inUse}::uuid[])`)
        // What has it was not let go, or not yet collected.
        .where((eb) => none(eb.selectFrom('joined').whereRef('part_id', '=', 'discarded.file_id')))
        .orderBy('discarded_at')
        .orderBy('file_id')
        .limit(values.limit)
        .forUpdate()
        .skipLocked(),
    )
    .selectFrom('list')
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('file_chunks')
          .select(['start', 'chunk_id'])
          .whereRef('file_chunks.file_id', '=', 'list.file_id')
          .orderBy('start')
          .limit(values.limit)
          .as('use'),
      (join) => join.onTrue(),
    )
    .select(['list.file_id', 'use.start', 'use.chunk_id'])
    .orderBy('list.discarded_at')
    .orderBy('list.file_id')
    .orderBy('use.start')
    .limit(values.limit),
)

const deleteUses = prepared((db, values: { fileIds: readonly FileId[]; starts: readonly number[] }) =>
  db
    .deleteFrom('file_chunks')
    .using(
      given<{ file_id: FileId; start: number }>({
        file_id: [values.fileIds, 'uuid'],
        start: [values.starts, 'bigint'],
      }),
    )
    .whereRef('file_chunks.file_id', '=', 'given.file_id')
    .whereRef('file_chunks.start', '=', 'given.start'),
)

const deleteDiscarded = prepared((db, values: { ids: readonly FileId[] }) =>
  db.deleteFrom('discarded').where('file_id', '=', sql<FileId>`any(${values.ids}::uuid[])`),
)

const among = (ids: readonly number[]) => sql<number>`any(${ids}::bigint[])`

const lockChunks = prepared((db, values: { ids: readonly number[] }) =>
  db.selectFrom('chunks').select('id').where('id', '=', among(values.ids)).orderBy('digest').forUpdate(),
)

const deleteUnused = prepared((db, values: { ids: readonly number[] }) =>
  db
    .deleteFrom('chunks')
    .where('id', '=', among(values.ids))
    .where((eb) => none(eb.selectFrom('file_chunks').whereRef('chunk_id', '=', 'chunks.id')))
    .returning(['location', 'size']),
)
