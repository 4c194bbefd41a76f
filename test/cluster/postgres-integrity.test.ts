import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import {
  openPostgresCatalog,
  type PostgresCatalogOptions,
} from '../../src/catalog/postgres/open-postgres-catalog.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

async function open(url: string, options?: PostgresCatalogOptions) {
  const catalog = await openPostgresCatalog(url, options)
  onTestFinished(() => catalog.close())
  return catalog
}

it('verifies indexes only where the user may call amcheck, in whatever schema that is', async () => {
  const url = await server.createSchema()
  const name = /search_path=(\w+)/.exec(decodeURIComponent(new URL(url).search))![1]!
  await server.query(`create role plain login password 'plain'; grant all on schema ${name} to plain`)
  const plain = await open(server.url({ user: 'plain', password: 'plain', schema: name }))
  expect(await plain.verify()).toEqual([])
  await server.query('create schema extensions; create extension amcheck schema extensions')
  expect(await plain.verify()).toEqual([])
  await server.query('grant usage on schema extensions to plain')
  expect(await plain.verify()).toEqual([])

  await server.query('grant execute on all functions in schema extensions to plain')
  await damageNames(name)
  expect(await plain.verify()).toEqual([expect.stringContaining('files_by_name')])
})

/** Has a row that its index lacks. */
async function damageNames(schema: string): Promise<void> {
  await server.query(`
    set search_path = ${schema};
    update pg_index set indisready = false, indislive = false where indexrelid = 'files_by_name'::regclass;
    insert into files (id, owner, name, size, media_type, digest, created_at, modified_at, metadata, seal) values
      (gen_random_uuid(), 'someone', 'unseen', 0, 'text/plain', decode(repeat('00', 32), 'hex'), 0, 0, '{}', 0);
    update pg_index set indisready = true, indislive = true where indexrelid = 'files_by_name'::regclass;
  `)
}

it('the durable count of commits is never ahead of what a crash of the database leaves', async () => {
  const url = await server.createSchema()
  const catalog = await open(url)
  const others = new pg.Client({ connectionString: url })
  others.on('error', () => {})
  await others.connect()
  await others.query(`begin; select nextval('commits') from generate_series(1, 500)`)
  const noted = await catalog.countDurableCommits()
  await server.halt('immediate')
  await server.resume()
  expect(noted).toBeGreaterThan(500)
  expect(await (await open(url)).countCommits()).toBeGreaterThanOrEqual(noted)
})
