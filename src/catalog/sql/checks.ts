import { sql } from 'kysely'
import { bytesOfDigest, digestOfBytes, type Digest } from '../../model/digest.ts'
import type { CheckedChunk, ChunkCheck, Condition, DueQuery } from '../upkeep.ts'
import type { Location } from '../../model/chunk.ts'
import type { Database } from './dialect.ts'
import { prepared } from './prepared.ts'

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

export async function saveChecks(
  db: Database,
  checks: readonly ChunkCheck[],
  at: number,
): Promise<readonly ChunkCheck[]> {
  const checked = checks.map(({ digest, location }) => ({ digest: bytesOfDigest(digest), location }))
  const rows = await lockChecked(db, { checked })
  const conditions = new Map<Digest, Condition>()
  for (const { digest, condition } of rows) conditions.set(digestOfBytes(digest), condition)
  const newlyNotSound = checks.filter(({ digest, condition }) => {
    const before = conditions.get(digest)
    if (before === undefined || condition === undefined) return false
    conditions.set(digest, condition)
    return before === 'sound' && condition !== 'sound'
  })
  const found = Array.from(conditions, ([digest, condition]) => ({
    digest: bytesOfDigest(digest),
    condition,
  }))
  await updateConditions(db, { found, at })
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

const selectDue = (isOfCondition: typeof isSound) =>
  prepared((queries, values: { before: number; limit: number }) =>
    queries
      .selectFrom('chunks')
      .select(columns)
      .where(isOfCondition)
      .where('checked_at', '<', values.before)
      .orderBy('checked_at')
      .limit(values.limit),
  )
const selectNotSound = selectDue(isNotSound)
const selectSound = selectDue(isSound)

type CheckedLocation = { readonly digest: Uint8Array; readonly location: Location }

/** Locks those that are still at these locations. */
const lockChecked = prepared(
  (queries, { checked }: { checked: readonly CheckedLocation[] }, { given, lock }) =>
    queries
      .selectFrom('chunks')
      .innerJoin(given(checked, { digest: 'bytes', location: 'text' }), (join) =>
        join.onRef('given.digest', '=', 'chunks.digest').onRef('given.location', '=', 'chunks.location'),
      )
      .select(['chunks.digest', 'chunks.condition'])
      .orderBy('chunks.digest')
      .modifyEnd(lock('for no key update', { of: 'chunks' })),
)

type Found = { readonly digest: Uint8Array; readonly condition: Condition }

const updateConditions = prepared(
  (queries, { found, at }: { found: readonly Found[]; at: number }, { given }) =>
    queries
      .updateTable('chunks')
      .from(given(found, { digest: 'bytes', condition: 'text' }))
      .set((eb) => ({ checked_at: at, condition: eb.ref('given.condition') }))
      .whereRef('chunks.digest', '=', 'given.digest'),
)

const countByCondition = prepared((queries) =>
  queries
    .selectFrom('chunks')
    .select(['condition', ({ fn }) => fn.countAll<number>().as('count')])
    .where(isNotSound)
    .groupBy('condition'),
)
