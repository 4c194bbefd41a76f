import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { lostLocation } from '../catalog-restore.ts'
import type { Garbage } from '../upkeep.ts'
import type { Database } from './dialect.ts'
import { inserted, none, prepared } from './prepared.ts'

/** There is nothing to delete at the location of a lost chunk. */
export async function addGarbage(db: Database, garbage: readonly Garbage[], foundAt = 0): Promise<void> {
  const known = garbage.filter(({ location }) => location !== lostLocation)
  if (known.length > 0) await insertGarbage(db, { rows: known, foundAt })
}

/** Call it when no change is in progress that could add one of them. */
export async function markOrphans(
  db: Database,
  orphans: readonly Garbage[],
  at: number,
): Promise<readonly Garbage[]> {
  const locations = orphans.map(({ location }) => location)
  const unknown = new Set(await listUnknown(db, locations))
  const marked = orphans.filter(({ location }) => unknown.has(location))
  await addGarbage(db, marked, at)
  return marked
}

export async function listUnknown(
  db: Database,
  locations: readonly Location[],
): Promise<readonly Location[]> {
  const rows = await selectUnknown(db, { rows: locations.map((location) => ({ location })) })
  return rows.map(({ location }) => location)
}

export async function listGarbage(
  db: Database,
  limit: number,
  foundBefore = Number.MAX_SAFE_INTEGER,
): Promise<readonly Garbage[]> {
  // Garbage that is not an orphan was found at 0, and is always listed.
  return selectGarbage(db, { limit, foundBefore: Math.max(1, foundBefore) })
}

export async function forgetGarbage(db: Database, locations: readonly Location[]): Promise<void> {
  await deleteGarbage(db, { locations })
}

const insertGarbage = prepared(
  (_, { rows, foundAt }: { rows: readonly Garbage[]; foundAt: number }, dialect) => {
    const same = { found_at: dialect.typed(foundAt, 'integer') }
    const columns = { location: 'text', size: 'integer' } as const
    return sql`${inserted(dialect, 'garbage', rows, columns, same)} on conflict do nothing`
  },
)

const selectUnknown = prepared(
  (queries, values: { rows: readonly { readonly location: Location }[] }, { given }) =>
    queries
      .selectFrom(given(values.rows, { location: 'text' }))
      .select('given.location')
      .where((eb) => none(eb.selectFrom('chunks').whereRef('chunks.location', '=', 'given.location')))
      .where((eb) => none(eb.selectFrom('garbage').whereRef('garbage.location', '=', 'given.location'))),
)

const selectGarbage = prepared((queries, values: { limit: number; foundBefore: number }) =>
  queries
    .selectFrom('garbage')
    .select(['location', 'size'])
    .where('found_at', '<', values.foundBefore)
    .orderBy('found_at')
    .orderBy('id')
    .limit(values.limit),
)

const deleteGarbage = prepared((queries, values: { locations: readonly Location[] }, { isAmong }) =>
  queries.deleteFrom('garbage').where(isAmong('location', values.locations, 'text')),
)
