import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Database } from '../sql/dialect.ts'
import { sqliteDialect } from './dialect.ts'

interface Prepared {
  readonly statement: StatementSync
  readonly hasRows: boolean
}

/**
 * Statements run on the calling thread and are prepared once for each different text, so texts must
 * not be built from values.
 */
export function databaseOf(database: DatabaseSync): Database {
  const known = new Map<string, Prepared>()
  const prepare = (text: string): Prepared => {
    const statement = database.prepare(text)
    const prepared = { statement, hasRows: statement.columns().length > 0 }
    known.set(text, prepared)
    return prepared
  }
  return {
    dialect: sqliteDialect,
    get now() {
      return Date.now()
    },
    async run<Row>(text: string, parameters: readonly unknown[]) {
      const { statement, hasRows } = known.get(text) ?? prepare(text)
      const values = parameters as readonly SQLInputValue[]
      if (hasRows) return statement.all(...values) as Row[]
      statement.run(...values)
      return []
    },
  }
}
