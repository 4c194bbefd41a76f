import { sql } from 'kysely'
import { bytesOfDigest, digestOfBytes } from '../../model/digest.ts'
import type { Location } from '../../model/chunk.ts'
import type { CheckedChunk, ChunkCheck, Condition, DueQuery } from '../upkeep.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

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
  const newlyNotSound: ChunkCheck[] = []
  for (const check of checks) {
    const digest = bytesOfDigest(check.digest)
    const [present] = await selectCondition(db, { digest, location: check.location })
    if (!present) continue
    const { condition = present.condition } = check
    await updateCondition(db, { digest, at, condition })
    if (present.condition === 'sound' && condition !== 'sound') newlyNotSound.push(check)
  }
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

const selectCondition = prepared((db, values: { digest: Uint8Array; location: Location }) =>
  db
    .selectFrom('chunks')
    .select('condition')
    .where('digest', '=', values.digest)
    .where('location', '=', values.location),
)

const updateCondition = prepared((db, values: { digest: Uint8Array; at: number; condition: Condition }) =>
  db
    .updateTable('chunks')
    .set({ checked_at: values.at, condition: values.condition })
    .where('digest', '=', values.digest),
)

const countByCondition = prepared((db) =>
  db
    .selectFrom('chunks')
    .select(['condition', ({ fn }) => fn.countAll<number>().as('count')])
    .where(isNotSound)
    .groupBy('condition'),
)
