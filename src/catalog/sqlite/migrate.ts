import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../model/errors.ts'
import { damage } from '../seals.ts'
import type { Database } from '../sql/dialect.ts'
import { firstTables } from '../sql/migrations/0001-first-tables.ts'
import { boundStore } from '../sql/migrations/0003-bound-store.ts'
import { foldedNames, seals } from './migrations.ts'
import { sqliteTables } from './tables.ts'

/** In the order in which they were published; the database's `user_version` counts those it has seen. */
const migrations: readonly ((db: Database, database: DatabaseSync) => Promise<void>)[] = [
  (db) => firstTables(db, sqliteTables),
  async (_, database) => seals(database),
  (db) => boundStore(db, sqliteTables),
  async (_, database) => foldedNames(database),
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
export async function migrate(database: DatabaseSync, db: Database): Promise<void> {
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
