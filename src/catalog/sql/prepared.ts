import { sql, type CompiledQuery, type Insertable, type Kysely, type RawBuilder } from 'kysely'
import type { Columns, Database, Dialect } from './dialect.ts'
import type { Schema } from './schema.ts'

export type Queries = Kysely<Schema>

interface Buildable<Row> {
  compile(queries: Queries): CompiledQuery<Row>
}

type Build<Values, Row> = (queries: Queries, values: Values, dialect: Dialect) => Buildable<Row>

type Run<Values, Row> = (db: Database, values: Values) => Promise<readonly Row[]>

/**
 * A query that is built once for each dialect and then run with different values, because building
 * one costs more than running it. While it is built, each value is a `Hole`, which Kysely treats
 * as any other parameter.
 */
export function prepared<Values extends object, Row>(build: Build<Values, Row>): Run<Values, Row> {
  const built = new Map<Dialect, CompiledQuery<Row>>()
  return async (db, values) => {
    const dialect = db.dialect.single && isSingle(values) ? db.dialect.single : db.dialect
    let query = built.get(dialect)
    if (query === undefined) {
      query = build(dialect.queries, holes as Values, dialect).compile(dialect.queries)
      built.set(dialect, query)
    }
    const fill = (parameter: unknown) => (parameter instanceof Hole ? parameter.fill(values) : parameter)
    return db.run<Row>(query.sql, query.parameters.map(fill))
  }
}

function isSingle(values: object): boolean {
  return Object.values(values).every((value) => !Array.isArray(value) || value.length === 1)
}

/**
 * Statements that change different tables and do not read what the others write, in one round trip
 * where each would be one. Resolves with the rows of the last.
 */
export function preparedTogether<Values extends object, Row>(
  before: readonly Build<Values, unknown>[],
  last: Build<Values, Row>,
): Run<Values, Row> {
  const steps = [...before.map((build) => prepared(build)), prepared(last)]
  const together = prepared<Values, Row>((...given) => {
    const parts = before.map((build, index) => sql`${sql.ref(`step_${index}`)} as (${build(...given)})`)
    return sql<Row>`with ${sql.join(parts)} ${last(...given)}`
  })
  return async (db, values) => {
    if (db.dialect.isRemote) return together(db, values)
    let rows: readonly unknown[] = []
    for (const run of steps) rows = await run(db, values)
    return rows as readonly Row[]
  }
}

/** Runs a query that is not worth keeping. */
export async function execute<Row>(db: Database, query: RawBuilder<Row>): Promise<readonly Row[]> {
  const compiled = query.compile(db.dialect.queries)
  return db.run<Row>(compiled.sql, compiled.parameters)
}

/** Whether the query has no rows. */
export function none(query: Unselected): RawBuilder<boolean> {
  return sql<boolean>`not exists ${query.select(one)}`
}

const one = sql.lit(1).as('one')

/** A query that lacks only what it selects. */
interface Unselected {
  select(selection: typeof one): unknown
}

/** Some of the values, each under its own name. */
export function pick<Values extends object, Name extends keyof Values>(
  values: Values,
  names: readonly Name[],
): Pick<Values, Name> {
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<Values, Name>
}

type NewRow<Table extends keyof Schema> = Insertable<Schema[Table]>

/** An insertion of many rows; in the columns of `same` all have the same value. */
export function inserted<Table extends keyof Schema, Name extends keyof NewRow<Table> & string>(
  { given }: Dialect,
  table: Table,
  rows: readonly Pick<NewRow<Table>, Name>[],
  columns: Columns<Pick<NewRow<Table>, Name>>,
  same: Partial<Record<keyof NewRow<Table>, RawBuilder<unknown>>> = {},
): RawBuilder<never> {
  const names = [...Object.keys(columns), ...Object.keys(same)].map((name) => sql.ref(name))
  const values = [...Object.keys(columns).map((name) => sql.ref(name)), ...Object.values(same)]
  // Without `where`, SQLite would parse a following `on conflict` as part of a join.
  return sql`insert into ${sql.table(table)} (${sql.join(names)})
    select ${sql.join(values)} from ${given(rows, columns)} where true`
}

/** A value that is sent as `encode` makes it. */
export function encoded<Value>(value: Value, encode: (value: Value) => unknown): Value {
  return (
    value instanceof Hole ? new Hole(value.name, encode as (value: unknown) => unknown) : encode(value)
  ) as Value
}

class Hole {
  readonly name: string
  readonly #encode: ((value: unknown) => unknown) | undefined

  constructor(name: string, encode?: (value: unknown) => unknown) {
    this.name = name
    this.#encode = encode
  }

  fill(values: object): unknown {
    const value: unknown = values[this.name as keyof typeof values]
    return this.#encode ? this.#encode(value) : value
  }

  /** Sums and templates are evaluated when the query is built, and would put NaN or text in it. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(`'${this.name}' has no value while the query is built: compute with it in SQL`)
  }
}

const holes: object = new Proxy({}, { get: (_, name) => new Hole(String(name)) })
