import { DummyDriver, Kysely, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Columns, Dialect } from '../sql/dialect.ts'
import { encoded } from '../sql/prepared.ts'
import type { Schema } from '../sql/schema.ts'

const queries = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/** Many values are one parameter of JSON, with bytes as hexadecimal digits. */
const many: Dialect = {
  queries,
  isRemote: false,

  given<Row>(rows: readonly Row[], columns: Columns<Row>) {
    const names = Object.keys(columns) as (keyof Row & string)[]
    const json = encoded(rows, (given) =>
      JSON.stringify(given.map((row) => names.map((name) => toJson(row[name])))),
    )
    const selected = names.map((name, index) => {
      const value = sql`value ->> ${sql.lit(index)}`
      return sql`${columns[name] === 'bytes' ? sql`unhex(${value})` : value} as ${sql.ref(name)}`
    })
    return sql<Row>`(select ${sql.join(selected)} from json_each(${json}))`.as<'given'>('given')
  },

  isAmong(column, values, type) {
    const json = encoded(values, (given) => JSON.stringify(given.map(toJson)))
    const value = type === 'bytes' ? sql`unhex(value)` : sql`value`
    return sql<boolean>`${sql.ref(column)} in (select ${value} from json_each(${json}))`
  },

  typed: (value) => sql`${value}`,
  flag: (value) => sql`${encoded(value, Number)}`,
  lock: () => sql``,
  currentMs: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  // SQLite would take the shorter index, and read every row for what that lacks: twice as slow.
  searchIndex: sql`indexed by files_by_folded`,
  contains: (text, part) => sql<boolean>`instr(${text}, ${part}) > 0`,
  sum: (column) => sql<number>`coalesce(sum(${sql.ref(column)}), 0)`,
  isNameTaken: (error) => error instanceof Error && error.message.endsWith('files.owner, files.name'),
}

/** Without JSON, which would slow down the creation of a small file by a tenth. */
const single: Dialect = {
  ...many,

  given<Row>(rows: readonly Row[], columns: Columns<Row>) {
    const names = Object.keys(columns) as (keyof Row & string)[]
    const selected = names.map((name) => {
      const value: unknown = encoded<unknown>(rows, (given) => (given as readonly Row[])[0]![name])
      return sql`${value} as ${sql.ref(name)}`
    })
    return sql<Row>`(select ${sql.join(selected)})`.as<'given'>('given')
  },

  isAmong(column, values) {
    const value: unknown = encoded<unknown>(values, (given) => (given as readonly unknown[])[0])
    return sql<boolean>`${sql.ref(column)} = ${value}`
  },
}

export const sqliteDialect: Dialect = { ...many, single }

function toJson(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
}
