import { sql } from 'kysely'
import { bytesOfDigest, digestOfBytes, type Digest } from '../../model/digest.ts'
import type { CheckedChunk, ChunkCheck, Condition, DueQuery } from '../upkeep.ts'
import type { Location } from '../../model/chunk.ts'
import { given } from './given.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

/** Reads several times: what it reads must not change meanwhile. */
export async function listDueChunks(
  db: Database,
  { checkedBefore, notSoundCheckedBefore, limit }: DueQuery,
): Promise<readonly CheckedChunk[]> {
  const notSound = await selectNotSound(db, { before: notSoundCheckedBefore, limit })
  const sound = await selectSound(db, { before: checkedBefore, limit: limit - notSound.length })
  return [...notSound, ...sound].map((row) => ({
    digest: digestOfBytes(row.digest),
    size: row.size,
    blockDigests: row.block_digests,
    location: row.location,
    condition: row.condition,
  }))
}

export async function recordChecks(
  db: Database,
  checks: readonly ChunkCheck[],
  at: number,
): Promise<readonly ChunkCheck[]> {
  const rows = await lockChecked(db, {
    digests: checks.map(({ digest }) => bytesOfDigest(digest)),
    locations: checks.map(({ location }) => location),
  })
  const conditions = new Map<Digest, Condition>()
  for (const { digest, condition } of rows) conditions.set(digestOfBytes(digest), condition)
  const newlyNotSound = checks.filter(({ digest, condition }) => {
    const before = conditions.get(digest)
    if (before === undefined || condition === undefined) return false
    conditions.set(digest, condition)
    return before === 'sound' && condition !== 'sound'
  })
  await updateConditions(db, {
    digests: [...conditions.keys()].map(bytesOfDigest),
    conditions: [...conditions.values()],
    at,
  })
  return newlyNotSound
}

export async function countNotSound(db: Database): Promise<Readonly<Record<'damaged' | 'missing', number>>> {
  const rows = await countByCondition(db, {})
  const count = (condition: Condition) => rows.find((row) => row.condition === condition)?.count ?? 0
  return { damaged: count('damaged'), missing: count('missing') }
}

// A condition that is a parameter would not let the indexes be used that are there for it.
const isSound = sql<boolean>`condition = 'sound'`
const isNotSound = sql<boolean>`condition <> 'sound'`
const columns = ['digest', 'size', 'block_digests', 'location', 'condition'] as const

const selectNotSound = prepared((db, values: { before: number; limit: number }) =>
  db
    .selectFrom('chunks')
    .select(columns)
    .where(isNotSound)
    .where('checked_at', '<', values.before)
    .orderBy('checked_at')
    .limit(values.limit),
)

const selectSound = prepared((db, values: { before: number; limit: number }) =>
  db
    .selectFrom('chunks')
    .select(columns)
    .where(isSound)
    .where('checked_at', '<', values.before)
    .orderBy('checked_at')
    .limit(values.limit),
)

/** Those of them that are still at these locations. */
const lockChecked = prepared(
  (db, values: { digests: readonly Uint8Array[]; locations: readonly Location[] }) =>
    db
      .selectFrom('chunks')
      .innerJoin(
        given<{ digest: Uint8Array; location: Location }>({
          digest: [values.digests, 'bytea'],
          location: [values.locations, 'text'],
        }),
        (join) =>
          join.onRef('given.digest', '=', 'chunks.digest').onRef('given.location', '=', 'chunks.location'),
      )
      .select(['chunks.digest', 'chunks.condition'])
      .orderBy('chunks.digest')
      .forNoKeyUpdate('chunks'),
)

const updateConditions = prepared(
  (db, values: { digests: readonly Uint8Array[]; conditions: readonly Condition[]; at: number }) =>
    db
      .updateTable('chunks')
      .from(
        given<{ digest: Uint8Array; condition: Condition }>({
          digest: [values.digests, 'bytea'],
          condition: [values.conditions, 'text'],
        }),
      )
      .set((eb) => ({ checked_at: values.at, condition: eb.ref('given.condition') }))
      .whereRef('chunks.digest', '=', 'given.digest'),
)

const countByCondition = prepared((db) =>
  db
    .selectFrom('chunks')
    .select(['condition', ({ fn }) => fn.countAll<number>().as('count')])
    .where(isNotSound)
    .groupBy('condition'),
)
