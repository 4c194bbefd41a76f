import type { DatabaseSync } from 'node:sqlite'

const mostFaults = 20

/** What is wrong with the database: pages, rows, and indexes are compared with each other. */
export function findFaults(database: DatabaseSync, limit = mostFaults): readonly string[] {
  const rows = database.prepare(`pragma integrity_check(${limit})`).all()
  const found = rows.flatMap((row) => Object.values(row).map((text) => String(text).trim()))
  return found.length === 1 && found[0] === 'ok' ? [] : found
}
