import { sql } from 'kysely'
import type { Collectable, CollectableQuery } from '../upkeep.ts'
import type { Database } from './dialect.ts'
import { none, prepared } from './prepared.ts'

/** Reads several times: what it reads must not change meanwhile. */
export async function countCollectable(
  db: Database,
  { letGoBefore, expiredBefore, foundBefore }: CollectableQuery,
): Promise<Collectable> {
  const [expired] = await countExpired(db, { expiredBefore })
  const [unused] = await countDoomed(db, { letGoBefore: Math.max(letGoBefore, 1), expiredBefore })
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
 * Chunks that only lists use which a collection would take, and not those that something else was joined of. With `not in` instead of `not exists`
 * each row would be compared with each.
 */
const countDoomed = prepared((queries, values: { letGoBefore: number; expiredBefore: number }, { sum }) =>
  queries
    .with('ended', (cte) =>
      cte
        .selectFrom('discarded')
        .select('file_id')
        .where('discarded_at', '<', values.letGoBefore)
        .unionAll(
          cte
            .selectFrom('uploads')
            .select('id as file_id')
            .where('is_finished', '=', sql.lit(false))
            .where('expires_at', '<', values.expiredBefore),
        ),
    )
    .with('doomed', (cte) =>
      cte
        .selectFrom('ended')
        .select('file_id')
        .where((eb) => {
          const parents = eb.selectFrom('joined').whereRef('part_id', '=', 'ended.file_id')
          return none(
            parents.where((of) =>
              none(
                of
                  .selectFrom('ended as parent')

                  .whereRef('parent.file_id', '=', 'joined.file_id'),
              ),
            ),
          )
        }),
    )
    .selectFrom('chunks')
    .select(({ fn }) => [fn.countAll<number>().as('chunks'), sum('size').as('bytes')])
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('file_chunks as use')
        .innerJoin('doomed', 'doomed.file_id', 'use.file_id')
        .select('use.chunk_id'),
    )
    .where((eb) => {
      const uses = eb.selectFrom('file_chunks as use').whereRef('use.chunk_id', '=', 'chunks.id')
      return none(
        uses.where((of) => none(of.selectFrom('doomed').whereRef('doomed.file_id', '=', 'use.file_id'))),
      )
    }),
)

const countGarbage = prepared((queries, values: { foundBefore: number }, { sum }) =>
  queries
    .selectFrom('garbage')
    .select(({ fn }) => [fn.countAll<number>().as('chunks'), sum('size').as('bytes')])
    .where('found_at', '<', values.foundBefore),
)
