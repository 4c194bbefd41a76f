import { sql, type Compilable } from 'kysely'
import { describe, expect, it } from 'vitest'
import { prepared as postgresPrepared } from '../../src/catalog/postgres/prepared.ts'
import { prepared as sqlitePrepared } from '../../src/catalog/sqlite/prepared.ts'

type Values = { readonly size: number }
type Run = (db: never, values: Values) => Promise<unknown>
type Prepared = (build: (db: never, values: Values) => Compilable) => Run

/** The error is thrown while the query is built, before any database is asked. */
const db = undefined as never

describe.each([
  ['sqlite', sqlitePrepared as unknown as Prepared],
  ['postgres', postgresPrepared as unknown as Prepared],
])('a prepared query of %s', (_dialect, prepared) => {
  it.each([
    ['a sum', ({ size }: Values) => size + 1],
    ['a comparison', ({ size }: Values) => size > 1],
    ['a template', ({ size }: Values) => `${size}`],
  ])('refuses to be built with %s of a value that it does not have yet', async (_what, compute) => {
    const run = prepared((_db, values) => sql`select ${compute(values)}` as unknown as Compilable)
    await expect(run(db, { size: 1 })).rejects.toThrow(TypeError)
  })
})
