import { afterAll, beforeAll } from 'vitest'
import { openPostgresCatalog } from '../../src/catalog/postgres/open-postgres-catalog.ts'
import { describeCatalog } from '../catalog/describe-catalog.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

describeCatalog('postgres', async () => openPostgresCatalog(await server.createSchema()))
