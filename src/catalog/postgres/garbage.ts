import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { lostLocation } from '../catalog-restore.ts'
import type { Garbage } from '../upkeep.ts'
import { given } from './given.ts'
import { none } from './none.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

/** A location without anything is none that could be deleted. */
export async function addGarbage(db: Database, garbage: readonly Garbage[], foundAt = 0): Promise<void> {
  const known = garbage.filter(({ location }) => location !== lostLocation)
  if (known.length > 0) await insertGarbage(db, { ...columnsOf(known), foundAt })
}

/** To be called when no change is under way that could make one of them known. */
export async function adoptOrphans(
  db: Database,
  orphans: readonly Garbage[],
  at: number,
): Promise<readonly Garbage[]> {
  const locations = orphans.map(({ location }) => location)
  const unknown = new Set(await listUnknown(db, locations))
  const adopted = orphans.filter(({ location }) => unknown.has(location))
  await addGarbage(db, adopted, at)
  return adopted
}

export async function listUnknown(
  db: Database,
  locations: readonly Location[],
): Promise<readonly Location[]> {
  const rows = await selectUnknown(db, { locations })
  return rows.map(({ location }) => location)
}

export async function listGarbage(
  db: Database,
  limit: number,
  foundBefore = Number.MAX_SAFE_INTEGER,
): Promise<readonly Garbage[]> {
  // What nobody counts on since it was let go was not found by anybody.
  return selectGarbage(db, { limit, foundBefore: Math.max(1, foundBefore) })
}

export async function forgetGarbage(db: Database, locations: readonly Location[]): Promise<void> {
  await deleteGarbage(db, { locations })
}

function columnsOf(garbage: readonly Garbage[]) {
  return { locations: garbage.map(({ location }) => location), sizes: garbage.map(({ size }) => size) }
}

const insertGarbage = prepared(
  (db, values: { locations: readonly Location[]; sizes: readonly number[]; foundAt: number }) =>
    db
      .insertInto('garbage')
      .columns(['location', 'size', 'found_at'])
      .expression((eb) =>
        eb
          .selectFrom(
            given<Garbage>({ location: [values.locations, 'text'], size: [values.sizes, 'bigint'] }),
          )
          .select(['location', 'size', sql<number>`${values.foundAt}::bigint`.as('found_at')]),
      )
      .onConflict((conflict) => conflict.doNothing()),
)

const selectUnknown = prepared((db, values: { locations: readonly Location[] }) =>
  db
    .selectFrom(given<{ location: Location }>({ location: [values.locations, 'text'] }))
    .select('given.location')
    .where((eb) => none(eb.selectFrom('chunks').whereRef('chunks.location', '=', 'given.location')))
    .where((eb) => none(eb.selectFrom('garbage').whereRef('garbage.location', '=', 'given.location'))),
)

const selectGarbage = prepared((db, values: { limit: number; foundBefore: number }) =>
  db
    .selectFrom('garbage')
    .select(['location', 'size'])
    .where('found_at', '<', values.foundBefore)
    .orderBy('found_at')
    .orderBy('id')
    .limit(values.limit),
)

const deleteGarbage = prepared((db, values: { locations: readonly Location[] }) =>
  db.deleteFrom('garbage').where('location', '=', sql<Location>`any(${values.locations}::text[])`),
)
