import type { StoreBinding } from '../../model/store-identity.ts'
import type { Database } from './schema.ts'

export async function findBinding(db: Database): Promise<StoreBinding | undefined> {
  const row = await db.selectFrom('bound_store').select(['id', 'is_confirmed']).executeTakeFirst()
  return row && { id: row.id, isConfirmed: row.is_confirmed }
}

export async function bindStore(db: Database, { id, isConfirmed }: StoreBinding): Promise<StoreBinding> {
  await db
    .insertInto('bound_store')
    .values({ only_row: 1, id, is_confirmed: false })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  if (isConfirmed)
    await db.updateTable('bound_store').set({ is_confirmed: true }).where('id', '=', id).execute()
  return (await findBinding(db))!
}
