import { sql } from 'kysely'
import type { StoreBinding, StoreId } from '../../model/store-identity.ts'
import type { Database } from './dialect.ts'
import { prepared } from './prepared.ts'

export async function findBinding(db: Database): Promise<StoreBinding | undefined> {
  const [row] = await selectBinding(db, {})
  return row && { id: row.id, isConfirmed: Boolean(row.is_confirmed) }
}

export async function bindStore(db: Database, { id, isConfirmed }: StoreBinding): Promise<StoreBinding> {
  await insertBinding(db, { id })
  if (isConfirmed) await confirmBinding(db, { id })
  return (await findBinding(db))!
}

const selectBinding = prepared((queries) => queries.selectFrom('bound_store').select(['id', 'is_confirmed']))

const insertBinding = prepared((queries, values: { id: StoreId }) =>
  queries
    .insertInto('bound_store')
    .values({ only_row: 1, id: values.id, is_confirmed: sql.lit(false) })
    .onConflict((conflict) => conflict.doNothing()),
)

const confirmBinding = prepared((queries, values: { id: StoreId }) =>
  queries
    .updateTable('bound_store')
    .set({ is_confirmed: sql.lit(true) })
    .where('id', '=', values.id),
)
