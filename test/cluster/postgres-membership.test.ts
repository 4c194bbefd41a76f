import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openPostgresCatalog } from '../../src/catalog/postgres/open-postgres-catalog.ts'
import type { PostgresCatalog } from '../../src/catalog/postgres/postgres-catalog.ts'
import { anId } from '../catalog/fixtures.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

async function begin(schema: string, now: () => number): Promise<PostgresCatalog> {
  const catalog = await openPostgresCatalog(schema, { now })
  onTestFinished(() => catalog.close())
  return catalog
}

describe('what a process counts on', () => {
  const nothing = { inUse: [], lookupsSince: Infinity, putsSince: Infinity }
  it('is known to all others from when it was opened until it is closed', async () => {
    const schema = await server.createSchema()
    const one = await begin(schema, () => 1000)
    expect(await one.membership.heartbeat(nothing)).toEqual(nothing)
    const other = await begin(schema, () => 2000)
    // It may have begun anything since.
    expect(await one.membership.heartbeat(nothing)).toEqual({
      inUse: [],
      lookupsSince: 2000,
      putsSince: 2000,
    })
    const [both, own] = [anId(), anId()]
    await other.membership.heartbeat({ inUse: [both], lookupsSince: 1500, putsSince: 3000 })
    const met = await one.membership.heartbeat({ inUse: [own, both], lookupsSince: 1900, putsSince: 1800 })
    expect(met).toEqual({ inUse: [own, both], lookupsSince: 1500, putsSince: 1800 })
    expect(await other.membership.heartbeat(nothing)).toEqual({
      inUse: [own, both],
      lookupsSince: 1000,
      putsSince: 1000,
    })
    await other.close()
    expect(await one.membership.heartbeat(nothing)).toEqual(nothing)
  })

  it('is forgotten if it has not been seen for a quarter of an hour', async () => {
    const schema = await server.createSchema()
    const [one, other] = [await begin(schema, () => 1000), await begin(schema, () => 2000)]
    const age = (minutes: number) =>
      server.query(
        `update nodes set seen_at = now() - interval '${minutes} minutes' where lookups_since = 2000`,
        schema,
      )
    await age(14)
    expect(await one.membership.heartbeat(nothing)).toMatchObject({ lookupsSince: 2000 })
    await age(16)
    expect(await one.membership.heartbeat(nothing)).toEqual(nothing)
    expect(await server.query('select lookups_since from nodes', schema)).toHaveLength(1)
    await other.membership.heartbeat(nothing)
    expect(await one.membership.heartbeat(nothing)).toMatchObject({ lookupsSince: 2000 })
  })
})
