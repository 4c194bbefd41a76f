import { sql } from 'kysely'
import type { FileId } from '../../model/file.ts'
import type { CollectQuery } from '../catalog.ts'
import type { Collectable, CollectableQuery } from '../upkeep.ts'
import type { Database } from './dialect.ts'
import { addGarbage } from './garbage.ts'
import { none, prepared } from './prepared.ts'
import { deleteSegments } from './segments.ts'

/** Skips lists that another process is collecting. */
export async function collectChunks(
  db: Database,
  { unlinkedBefore, inUse, limit }: CollectQuery,
): Promise<{ readonly hasMore: boolean }> {
  // What was unlinked at 0 can be collected at once, whatever the clock says.
  const before = Math.max(unlinkedBefore, 1)
  const lists = await selectUnlinked(db, { before, inUse, limit: limit + 1 })
  const found = await usesOf(db, lists, limit + 1)
  const [taken, next] = [found.slice(0, limit), found[limit]]
  const uses = taken.flatMap(({ start, chunk_id, ...use }) =>
    start === null || chunk_id === null ? [] : [{ ...use, start, chunk_id }],
  )
  await deleteUses(db, { uses })
  const ids = new Set(taken.map((use) => use.file_id))
  if (next) ids.delete(next.file_id)
  const ended = { ids: [...ids] }
  // The lists that they were concatenated from may be free now.
  const freed = await deleteSegments(db, ended)
  await deleteUnlinked(db, ended)
  await collectUnused(db, [...new Set(uses.map(({ chunk_id }) => chunk_id))])
  return { hasMore: next !== undefined || freed.length > 0 }
}

/**
 * Locking the chunks waits for transactions that are using them, other collections included. The
 * next statement sees what those have committed: if two collections each delete one of the last two
 * uses, the second deletes the chunk.
 */
async function collectUnused(db: Database, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await lockChunks(db, { ids })
  await addGarbage(db, await deleteUnused(db, { ids }))
}

const fewestLists = 8

/**
 * A row for each chunk of a list, and one for a list without any, which counts as well, or empty
 * files would make the transaction long. Up to `limit` chunks of each list in a statement are read,
 * so a statement has few lists until those before it have turned out to be short.
 */
async function usesOf(db: Database, lists: readonly List[], limit: number): Promise<readonly UseRow[]> {
  const rows: UseRow[] = []
  for (let from = 0, count = fewestLists; from < lists.length && rows.length < limit; count *= 4) {
    const some = lists.slice(from, from + count).map(({ file_id }, position) => ({ file_id, position }))
    rows.push(...(await selectUses(db, { lists: some, limit: limit - rows.length })))
    from += count
  }
  return rows
}

interface List {
  readonly file_id: FileId
}

interface UseRow extends List {
  readonly start: number | null
  readonly chunk_id: number | null
}

interface UnlinkedQuery {
  readonly before: number
  readonly inUse: readonly FileId[]
  readonly limit: number
}

const selectUnlinked = prepared((queries, { before, inUse, limit }: UnlinkedQuery, { isAmong, lock }) =>
  queries
    .selectFrom('discarded')
    .select('file_id')
    .where('discarded_at', '<', before)
    .where((eb) => eb.not(isAmong('file_id', inUse, 'id')))
    // A file or upload that was concatenated from the list still needs it.
    .where((eb) => none(eb.selectFrom('joined').whereRef('part_id', '=', 'discarded.file_id')))
    .orderBy('discarded_at')
    .orderBy('file_id')
    .limit(limit)
    .modifyEnd(lock('for update', { skipLocked: true })),
)

interface Lists {
  readonly lists: readonly (List & { readonly position: number })[]
  readonly limit: number
}

/** In the order of their positions. */
const selectUses = prepared((queries, { lists, limit }: Lists, { given }) =>
  queries
    .with(
      (cte) => cte('list').materialized(),
      (cte) =>
        cte
          .selectFrom(given(lists, { file_id: 'id', position: 'integer' }))
          .select((eb) => [
            'file_id',
            'position',
            eb
              .selectFrom('file_chunks as use')
              .select('use.start')
              .whereRef('use.file_id', '=', 'given.file_id')
              .orderBy('use.start')
              .limit(1)
              .offset(limit)
              .as('until'),
          ]),
    )
    .selectFrom('list')
    .leftJoin('file_chunks as use', (join) =>
      join
        .onRef('use.file_id', '=', 'list.file_id')
        .on((eb) => eb('use.start', '<', eb.fn.coalesce('list.until', sql.lit(Number.MAX_SAFE_INTEGER)))),
    )
    .select(['list.file_id', 'use.start', 'use.chunk_id'])
    .orderBy('list.position')
    .orderBy('use.start')
    .limit(limit),
)

interface Use {
  readonly file_id: FileId
  readonly start: number
}

const deleteUses = prepared((queries, { uses }: { uses: readonly Use[] }, { given }) =>
  queries.deleteFrom('file_chunks').where((eb) =>
    eb(
      eb.refTuple('file_id', 'start'),
      'in',
      eb
        .selectFrom(given(uses, { file_id: 'id', start: 'integer' }))
        .select(['given.file_id', 'given.start'])
        .$asTuple('file_id', 'start'),
    ),
  ),
)

type Ids = { readonly ids: readonly FileId[] }
type ChunkIds = { readonly ids: readonly number[] }

const deleteUnlinked = prepared((queries, { ids }: Ids, { isAmong }) =>
  queries.deleteFrom('discarded').where(isAmong('file_id', ids, 'id')),
)

const lockChunks = prepared((queries, { ids }: ChunkIds, { isAmong, lock }) =>
  queries
    .selectFrom('chunks')
    .select('id')
    .where(isAmong('id', ids, 'integer'))
    .orderBy('digest')
    .modifyEnd(lock('for update')),
)

const deleteUnused = prepared((queries, { ids }: ChunkIds, { isAmong }) =>
  queries
    .deleteFrom('chunks')
    .where(isAmong('id', ids, 'integer'))
    .where((eb) => none(eb.selectFrom('file_chunks').whereRef('chunk_id', '=', 'chunks.id')))
    .returning(['location', 'size']),
)

/** Reads several times: what it reads must not change meanwhile. */
export async function countCollectable(
  db: Database,
  { unlinkedBefore, expiredBefore, foundBefore }: CollectableQuery,
): Promise<Collectable> {
  const [expired] = await countExpired(db, { expiredBefore })
  const [unused] = await countUnlinked(db, { unlinkedBefore: Math.max(unlinkedBefore, 1), expiredBefore })
  const [garbage] = await countGarbage(db, { foundBefore: Math.max(foundBefore, 1) })
  return {
    uploads: expired!.uploads,
    chunks: unused!.chunks + garbage!.chunks,
    bytes: unused!.bytes + garbage!.bytes,
  }
}

const countExpired = prepared((queries, values: { expiredBefore: number }) =>
  queries
    .selectFrom('uploads')
    .select(({ fn }) => fn.countAll<number>().as('uploads'))
    .where('expires_at', '<', values.expiredBefore),
)

/**
 * Chunks that are used only by lists that a collection would take, without lists that other uploads
 * were concatenated from. PostgreSQL would compare each row with each for `not in` instead of `not
 * exists`.
 */
const countUnlinked = prepared(
  (queries, values: { unlinkedBefore: number; expiredBefore: number }, { sum }) =>
    queries
      .with('unlinked', (cte) =>
        cte
          .selectFrom('discarded')
          .select('file_id')
          .where('discarded_at', '<', values.unlinkedBefore)
          .unionAll(
            cte
              .selectFrom('uploads')
              .select('id as file_id')
              .where('is_finished', '=', sql.lit(false))
              .where('expires_at', '<', values.expiredBefore),
          ),
      )
      .with('collectable', (cte) =>
        cte
          .selectFrom('unlinked')
          .select('file_id')
          .where((eb) => {
            const parents = eb.selectFrom('joined').whereRef('part_id', '=', 'unlinked.file_id')
            return none(
              parents.where((of) =>
                none(of.selectFrom('unlinked as parent').whereRef('parent.file_id', '=', 'joined.file_id')),
              ),
            )
          }),
      )
      .selectFrom('chunks')
      .select(({ fn }) => [fn.countAll<number>().as('chunks'), sum('size').as('bytes')])
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('file_chunks as use')
          .innerJoin('collectable', 'collectable.file_id', 'use.file_id')
          .select('use.chunk_id'),
      )
      .where((eb) => {
        const uses = eb.selectFrom('file_chunks as use').whereRef('use.chunk_id', '=', 'chunks.id')
        return none(
          uses.where((of) =>
            none(of.selectFrom('collectable').whereRef('collectable.file_id', '=', 'use.file_id')),
          ),
        )
      }),
)

const countGarbage = prepared((queries, values: { foundBefore: number }, { sum }) =>
  queries
    .selectFrom('garbage')
    .select(({ fn }) => [fn.countAll<number>().as('chunks'), sum('size').as('bytes')])
    .where('found_at', '<', values.foundBefore),
)
