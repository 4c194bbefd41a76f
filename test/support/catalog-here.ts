import type { Catalog } from '../../src/catalog/catalog.ts'
import type { CatalogRestore } from '../../src/catalog/catalog-restore.ts'
import { InvokedCatalog } from '../../src/catalog/sql/method-table.ts'
import type { Database } from '../../src/catalog/sql/dialect.ts'
import { isRead } from '../../src/catalog/sql/method-table.ts'
import { methods } from '../../src/catalog/sql/methods.ts'
import { openReader, openWriter, type OpenDatabase } from '../../src/catalog/sqlite/connection.ts'
import { engineMethods } from '../../src/catalog/sqlite/engine-methods.ts'
import { errorOf, failureOf } from '../../src/catalog/sqlite/failures.ts'

type Method = (db: Database, ...args: readonly unknown[]) => Promise<unknown>

const allMethods = { ...methods, ...engineMethods } as unknown as Readonly<Record<string, Method>>

/** `SqliteCatalog` without its threads: it opens in milliseconds. */
export async function openCatalogHere(
  path: string,
  maxCheckedBytes?: number,
): Promise<Catalog & CatalogRestore> {
  const writer = await openWriter(path, maxCheckedBytes)
  let reader: OpenDatabase
  try {
    reader = openReader(path)
  } catch (error) {
    writer.close()
    throw error
  }
  const [write, read] = [inLine(writer), inLine(reader)]
  const catalog = new InvokedCatalog((name, args) => (isRead(name) ? read : write)(allMethods[name]!, args))
  const close = async () => {
    reader.close()
    writer.close()
  }
  return Object.assign(catalog, { close })
}

/** A connection does one thing after the other. */
function inLine(connection: OpenDatabase) {
  let before: Promise<unknown> = Promise.resolve()
  return (method: Method, args: readonly unknown[]) => {
    const run = () => call(connection, method, args)
    const result = before.then(run, run)
    before = result
    return result
  }
}

async function call(
  { db, transactions }: OpenDatabase,
  method: Method,
  args: readonly unknown[],
): Promise<unknown> {
  const outcomes = await transactions.run([() => method(db, ...args)])
  const outcome = outcomes[0]!
  if (outcome.status === 'fulfilled') return outcome.value
  throw errorOf(failureOf(outcome.reason, outcome.isUndone))
}
