import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely'
import type { Columns, Dialect, PackedRow } from '../sql/dialect.ts'
import { encoded } from '../sql/prepared.ts'
import type { Schema } from '../sql/schema.ts'
import { isViolation } from './failures.ts'

const queries = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

const types = { id: sql`uuid`, integer: sql`bigint`, text: sql`text`, bytes: sql`bytea` }

/** Many values are a parameter for each column, an array. */
export const postgresDialect: Dialect = {
  queries,
  isRemote: true,

  given<Row>(rows: readonly Row[], columns: Columns<Row>) {
    const names = Object.keys(columns) as (keyof Row & string)[]
    const arrays = names.map((name) => {
      const values = encoded(rows, (given) => given.map((row) => row[name]))
      return sql`${values}::${types[columns[name]]}[]`
    })
    const alias = sql`given (${sql.join(names.map((name) => sql.ref(name)))})`
    return sql<Row>`unnest(${sql.join(arrays)})`.as<'given'>(alias)
  },

  isAmong: (column, values, type) => sql<boolean>`${sql.ref(column)} = any(${values}::${types[type]}[])`,
  typed: (value, type) => sql`${value}::${types[type]}`,
  flag: (value) => sql`${value}`,
  lock(lock, { of, skipLocked = false } = {}) {
    const tables = of === undefined ? sql`` : sql` of ${sql.ref(of)}`
    return sql`${sql.raw(lock)}${tables}${sql.raw(skipLocked ? ' skip locked' : '')}`
  },
  currentMs: sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)`,
  searchIndex: sql``,
  contains: (text, part) => sql<boolean>`strpos(${text}, ${part}) > 0`,
  sum: (column) => sql<number>`coalesce(sum(${sql.ref(column)}), 0)::bigint`,
  packed: (chunks) => sql<PackedRow>`
    select coalesce(array_agg(start order by start), '{}') as starts,
      coalesce(array_agg(seal order by start), '{}') as seals,
      coalesce(array_agg(size order by start), '{}') as sizes,
      coalesce(string_agg(digest, '' order by start), '') as digests,
      coalesce(string_agg(block_digests, '' order by start), '') as block_digests
    from ${chunks} as chunk`,
  isNameTaken: (error) => isViolation(error, 'files_by_name'),
}
