import { sql, type Expression, type RawBuilder } from 'kysely'

/** Whether the query has no rows. */
export function none(query: Expression<unknown>): RawBuilder<boolean> {
  return sql<boolean>`not exists (${query})`
}
