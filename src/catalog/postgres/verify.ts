import { sql } from 'kysely'
import { sqlStateOf } from './failures.ts'
import type { Database } from '../sql/dialect.ts'
import { execute } from '../sql/prepared.ts'

/**
 * Compares indexes with their tables if this user may call the extension amcheck. Otherwise
 * PostgreSQL's page checksums and the seals of rows find damage.
 */
export async function verify(db: Database): Promise<readonly string[]> {
  const check = await findIndexCheck(db)
  if (check === undefined) return []
  const indexes = await execute(
    db,
    sql<{ name: string }>`select indexrelid::regclass::text as name
    from pg_index join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam
    where relnamespace = current_schema()::regnamespace and amname = 'btree' and indisvalid`,
  )
  const faults: string[] = []
  for (const { name } of indexes) {
    try {
      await execute(db, sql`select ${sql.raw(check)}(${name}::regclass, true)`)
    } catch (error) {
      const state = sqlStateOf(error) ?? ''
      // Data or an index is corrupted.
      if (/^XX00[12]/.test(state)) faults.push((error as Error).message)
      // An index too large to be checked within the statement timeout must not stop collections.
      else if (state !== queryCanceled) throw error
    }
  }
  return faults
}

const queryCanceled = '57014'

/**
 * The name of amcheck's function; undefined if it is missing or, as by default, only for
 * superusers.
 */
async function findIndexCheck(db: Database): Promise<string | undefined> {
  const [found] = await execute(
    db,
    sql<{ name: string }>`
    select quote_ident(nspname) || '.bt_index_check' as name
    from pg_extension
    join pg_namespace on pg_namespace.oid = extnamespace
    join pg_proc on pronamespace = extnamespace and proname = 'bt_index_check'
    where extname = 'amcheck' and proargtypes = array['regclass'::regtype, 'boolean'::regtype]::oidvector
      and has_schema_privilege(extnamespace, 'usage') and has_function_privilege(pg_proc.oid, 'execute')`,
  )
  return found?.name
}
