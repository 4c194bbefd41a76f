import { sql, type AliasedRawBuilder } from 'kysely'

/** Values of one column, and the column's type. */
type Column<Value> = readonly [values: readonly Value[], type: 'bigint' | 'bytea' | 'text' | 'uuid']

/** Rows as a table of the name `given`, in their order. A parameter for each column serves any number of them. */
export function given<Row>(columns: {
  readonly [Name in keyof Row & string]: Column<Row[Name]>
}): AliasedRawBuilder<Row, 'given'> {
  const arrays = Object.values<Column<unknown>>(columns).map(
    ([values, type]) => sql`${values}::${sql.raw(type)}[]`,
  )
  const names = Object.keys(columns).map((name) => sql.ref(name))
  return sql<Row>`unnest(${sql.join(arrays)})`.as<'given'>(sql`given (${sql.join(names)})`)
}
