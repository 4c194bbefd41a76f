import { afterAll, beforeAll } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { openPostgresCatalog } from '../../src/catalog/postgres/open-postgres-catalog.ts'
import type { PostgresCatalog } from '../../src/catalog/postgres/postgres-catalog.ts'
import { methodKinds } from '../../src/catalog/sql/method-table.ts'
import { describeCatalog } from './describe-catalog.ts'
import { PostgresServer } from '../cluster/postgres-server.ts'

let server: PostgresServer
// The first time on a machine, the server is installed.
const installMs = 600_000
beforeAll(async () => {
  server = await PostgresServer.start()
}, installMs)
afterAll(() => server.stop())

/** Gives every call to another one of them. */
function inTurn(catalogs: readonly PostgresCatalog[]): Catalog {
  let calls = 0
  const methods = Object.keys(methodKinds).map((name) => [
    name,
    (...args: readonly unknown[]) => {
      const catalog = catalogs[calls++ % catalogs.length]!
      return Reflect.apply(catalog[name as keyof Catalog], catalog, args) as unknown
    },
  ])
  const close = async () => {
    for (const catalog of catalogs) await catalog.close()
  }
  return { ...(Object.fromEntries(methods) as Catalog), close }
}

describeCatalog('postgres, by two processes in turn', async () => {
  const url = await server.createSchema()
  return inTurn([await openPostgresCatalog(url), await openPostgresCatalog(url)])
})
