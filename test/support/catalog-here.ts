import type { Catalog } from '../../src/catalog/catalog.ts'
import type { CatalogRestore } from '../../src/catalog/catalog-restore.ts'
import { openReader, openWriter, type Connection } from '../../src/catalog/sqlite/connection.ts'
import { errorOf, failureOf } from '../../src/catalog/sqlite/failures.ts'
import { reads, writes } from '../../src/catalog/sqlite/methods.ts'
import type { Database } from '../../src/catalog/sqlite/schema.ts'

type Method = (db: Database, ...args: readonly unknown[]) => Promise<unknown>

/** Methods that are told the time, and how many arguments come before it. */
const timed: Readonly<Record<string, number>> = {
  createFile: 1,
  updateFile: 5,
  deleteFile: 3,
  createUpload: 1,
  joinUploads: 2,
  finishUploads: 1,
}

/** `SqliteCatalog` without its threads: it opens in milliseconds. */
export async function openCatalogHere(
  path: string,
  maxCheckedBytes?: number,
): Promise<Catalog & CatalogRestore> {
  const writer = await openWriter(path, maxCheckedBytes)
  let reader: Connection
  try {
    reader = openReader(path)
  } catch (error) {
    writer.close()
    throw error
  }
  const methods: Record<string, unknown> = {}
  const add = (connection: Connection, all: object) => {
    // A connection does one thing after the other.
    let before: Promise<unknown> = Promise.resolve()
    for (const [name, method] of Object.entries(all as Record<string, Method>)) {
      methods[name] = (...args: readonly unknown[]) => {
        const run = () => call(connection, method, withTime(name, args))
        const result = before.then(run, run)
        before = result
        return result
      }
    }
  }
  add(writer, writes)
  add(reader, reads)
  const close = async () => {
    reader.close()
    writer.close()
  }
  return { ...methods, close } as unknown as Catalog & CatalogRestore
}

function withTime(name: string, args: readonly unknown[]): readonly unknown[] {
  const count = timed[name]
  if (count === undefined) return args
  return [...Array.from({ length: count }, (_, index) => args[index]), Date.now()]
}

async function call(
  { db, transactions }: Connection,
  method: Method,
  args: readonly unknown[],
): Promise<unknown> {
  const outcomes = await transactions.run([() => method(db, ...args)])
  const outcome = outcomes[0]!
  if (outcome.status === 'fulfilled') return outcome.value
  throw errorOf(failureOf(outcome.reason, outcome.isUndone))
}
