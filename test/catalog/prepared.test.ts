import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { postgresDialect } from '../../src/catalog/postgres/dialect.ts'
import type { Database, Dialect } from '../../src/catalog/sql/dialect.ts'
import { prepared, preparedTogether } from '../../src/catalog/sql/prepared.ts'
import { sqliteDialect } from '../../src/catalog/sqlite/dialect.ts'

interface Values {
  readonly size: number
}

/** Notes the statements that it is to run. */
function recording(dialect: Dialect) {
  const statements: (readonly [text: string, parameters: readonly unknown[]])[] = []
  const db: Database = {
    dialect,
    now: 0,
    run: async (text, parameters) => {
      statements.push([text, parameters])
      return []
    },
  }
  return { db, statements }
}

describe.each([
  ['sqlite', sqliteDialect],
  ['postgres', postgresDialect],
])('a prepared query of %s', (_name, dialect) => {
  it.each([
    ['a sum', ({ size }: Values) => size + 1],
    ['a comparison', ({ size }: Values) => size > 1],
    ['a template', ({ size }: Values) => `${size}`],
  ])('refuses to be built with %s of a value that it does not have yet', async (_what, compute) => {
    const run = prepared((_queries, values: Values) => sql`select ${compute(values)}`)
    await expect(run(recording(dialect).db, { size: 1 })).rejects.toThrow(TypeError)
  })

  it('is built once and sends the values of each call', async () => {
    let built = 0
    const run = prepared((queries, { size }: Values) => {
      built++
      return queries.selectFrom('chunks').select('id').where('size', '=', size)
    })
    const { db, statements } = recording(dialect)
    await run(db, { size: 1 })
    await run(db, { size: 2 })
    expect(built).toBe(1)
    expect(statements.map(([, parameters]) => parameters)).toEqual([[1], [2]])
    expect(statements[0]![0]).toBe(statements[1]![0])
  })
})

it('sends statements that belong together to PostgreSQL as one, and to SQLite one after the other', async () => {
  const run = preparedTogether(
    [(queries, { size }: Values) => queries.deleteFrom('chunks').where('size', '=', size)],
    (queries, { size }) => queries.deleteFrom('garbage').where('size', '=', size).returning('location'),
  )
  const [remote, local] = [recording(postgresDialect), recording(sqliteDialect)]
  await run(remote.db, { size: 3 })
  await run(local.db, { size: 3 })
  expect(remote.statements.map(([, parameters]) => parameters)).toEqual([[3, 3]])
  expect(local.statements.map(([, parameters]) => parameters)).toEqual([[3], [3]])
})

it('sends SQLite a list of one element as it is, and longer and empty ones as JSON', async () => {
  const digests = [new Uint8Array([1]), new Uint8Array([2])]
  const run = prepared((queries, values: { digests: readonly Uint8Array[] }, { isAmong }) =>
    queries
      .selectFrom('chunks')
      .select('id')
      .where(isAmong('digest', values.digests, 'bytes')),
  )
  const { db, statements } = recording(sqliteDialect)
  for (const count of [1, 2, 0]) await run(db, { digests: digests.slice(0, count) })
  expect(statements.map(([, parameters]) => parameters)).toEqual([[digests[0]], ['["01","02"]'], ['[]']])
})
