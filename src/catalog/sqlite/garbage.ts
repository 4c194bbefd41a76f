import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { lostLocation } from '../catalog-restore.ts'
import type { Garbage } from '../upkeep.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

/** A location without anything is none that could be deleted. */
export async function addGarbage(db: Database, { location, size }: Garbage): Promise<void> {
  if (location !== lostLocation) await insertGarbage(db, { location, size, foundAt: 0 })
}

export async function adoptOrphans(
  db: Database,
  orphans: readonly Garbage[],
  at: number,
): Promise<readonly Garbage[]> {
  const unknown = new Set(
    await listUnknown(
      db,
      orphans.map(({ location }) => location),
    ),
  )
  const adopted = orphans.filter(({ location }) => unknown.has(location))
  for (const { location, size } of adopted) await insertGarbage(db, { location, size, foundAt: at })
  return adopted
}

export async function listUnknown(
  db: Database,
  locations: readonly Location[],
): Promise<readonly Location[]> {
  const rows = await selectUnknown(db, { locations: JSON.stringify(locations) })
  return rows.map(({ value }) => value)
}

export async function listGarbage(
  db: Database,
  limit: number,
  foundBefore = Number.MAX_SAFE_INTEGER,
): Promise<readonly Garbage[]> {
  return selectGarbage(db, { limit, foundBefore })
}

export async function forgetGarbage(db: Database, locations: readonly Location[]): Promise<void> {
  for (const location of locations) await deleteGarbage(db, { location })
}

const insertGarbage = prepared((db, values: Garbage & { readonly foundAt: number }) =>
  db
    .insertInto('garbage')
    .values({ location: values.location, size: values.size, found_at: values.foundAt })
    .onConflict((conflict) => conflict.doNothing()),
)

const selectUnknown = prepared((db, values: { locations: string }) =>
  db
    .selectFrom(sql<{ value: Location }>`json_each(${values.locations})`.as('given'))
    .select('given.value')
    .where('given.value', 'not in', (eb) => eb.selectFrom('chunks').select('chunks.location'))
    .where('given.value', 'not in', (eb) => eb.selectFrom('garbage').select('garbage.location')),
)

const selectGarbage = prepared((db, values: { limit: number; foundBefore: number }) =>
  db
    .selectFrom('garbage')
    .select(['location', 'size'])
    // What nobody counts on since it was let go was not found by anybody.
    .where('found_at', '<', sql<number>`max(1, ${values.foundBefore})`)
    .orderBy('found_at')
    .orderBy('id')
    .limit(values.limit),
)

/** Somebody has made it known after all. */
export const disownOrphan = prepared((db, values: { location: Location }) =>
  db.deleteFrom('garbage').where('location', '=', values.location).where('found_at', '>', 0),
)

const deleteGarbage = prepared((db, values: { location: Location }) =>
  db.deleteFrom('garbage').where('location', '=', values.location),
)
