import type { DatabaseSync } from 'node:sqlite'
import type { Kysely } from 'kysely'
import { StoreError } from '../../../model/errors.ts'
import { damage } from '../../seals.ts'
import { firstTables } from './0001-first-tables.ts'
import { seals } from './0002-seals.ts'
import { boundStore } from './0003-bound-store.ts'
import { foldedNames } from './0004-folded-names.ts'

/** In the order in which they were published; the database's `user_version` counts those it has seen. */
const migrations: readonly ((db: Kysely<unknown>, database: DatabaseSync) => Promise<void>)[] = [
  firstTables,
  seals,
  boundStore,
  foldedNames,
]

/** Throws `unavailable` if a newer Ashlar has migrated the database past what this one knows. */
export function refuseNewer(database: DatabaseSync): void {
  const version = versionOf(database)
  if (version < 0) throw damage(`it says that it has version ${version}`)
  if (version <= migrations.length) return
  throw new StoreError(
    'unavailable',
    `The catalog has version ${version}, but this Ashlar knows versions up to ${migrations.length}: start the newer Ashlar that wrote it. If there was none, the catalog is damaged: run ashlar rebuild.`,
  )
}

/** Throws `unavailable` unless the database has been migrated just as far as this Ashlar knows. */
export function refuseOther(database: DatabaseSync): void {
  refuseNewer(database)
  const version = versionOf(database)
  if (version === migrations.length) return
  throw new StoreError(
    'unavailable',
    `The catalog has version ${version}, not ${migrations.length}: start the server once, which brings it up to date.`,
  )
}

/** Brings the tables up to date. A migration happens whole or not at all. */
export async function migrate(database: DatabaseSync, db: Kysely<unknown>): Promise<void> {
  for (let version = versionOf(database); version < migrations.length; version++) {
    database.exec('begin immediate')
    await migrations[version]!(db, database)
    database.exec(`pragma user_version = ${version + 1}`)
    database.exec('commit')
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.['user_version'])
}
