import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { openStoreToFill, openStoreToRead } from '../../src/server/open-stores.ts'
import { AshlarProcess, runAshlar, type Ended } from '../cli/run-ashlar.ts'
import { contentsOf } from '../files/migrating.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { CephCluster } from './ceph-cluster.ts'
import { PostgresServer } from './postgres-server.ts'
import { S3Bucket } from './s3-bucket.ts'
import { Site } from './site.ts'
import { until } from './until.ts'

const ceph = new CephCluster(inject('ceph'))
const chunkBytes = 64 * 1024
const longChunks = 200
const contents = new Map([
  ['empty', Buffer.alloc(0)],
  ['folder/größer 100%', randomBytes(3 * chunkBytes + 1)],
  ['long', randomBytes(longChunks * chunkBytes)],
])
const bytes = [...contents.values()].reduce((sum, { length }) => sum + length, 0)
const all = { files: contents.size, bytes, changed: 0, unchanged: 0, failed: 0 }

let bucket: S3Bucket
let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start()
  bucket = await S3Bucket.create(ceph, 'migrate')
})
afterAll(async () => {
  bucket.close()
  await postgres.stop()
})

/** A store in a directory, with all contents, and a site that has nothing yet. */
async function given() {
  const directory = join(await temporaryDirectory(), 'store')
  const filled = await openStoreToFill(['--store', directory, '--chunk-size', '64KiB'], {}, (error) => {
    throw error
  })
  for (const [name, content] of contents) await uploadBytes(filled.store, name, content)
  await filled.close()
  return { directory, site: await Site.create(ceph, bucket, postgres) }
}

/** What a migration keeps of a store. */
async function keptIn(store: string, catalog: string, env: NodeJS.ProcessEnv) {
  const opened = await openStoreToRead(['--store', store, '--catalog', catalog], env)
  try {
    return await contentsOf({ catalog: opened.inspection, chunks: opened.chunks }, '')
  } finally {
    await opened.close()
  }
}

function summaryIn({ code, stdout, stderr }: Ended): unknown {
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

it('a directory moves to a site that is in use, and back', async () => {
  const { directory, site } = await given()
  const node = await site.startNode()
  const there = ['--to', site.store, '--to-catalog', site.catalog]
  const move = ['migrate', '--json', '--from', directory, ...there]
  expect(summaryIn(await site.run(...move))).toEqual(all)
  for (const [name, content] of contents) {
    const { body } = await request(node, 'GET', `/files/${encodeURIComponent(name)}`)
    expect(body.equals(content)).toBe(true)
  }
  const kept = await keptIn(directory, 'sqlite', {})
  expect(await keptIn(site.store, site.catalog, site.env)).toEqual(kept)

  await node.stop()
  const back = join(await temporaryDirectory(), 'store')
  const from = ['--from', site.store, '--from-catalog', site.catalog]
  expect(summaryIn(await site.run('migrate', '--json', ...from, '--to', back))).toEqual(all)
  expect(await keptIn(back, 'sqlite', {})).toEqual(kept)
  expect((await runAshlar(['fsck', '--store', back])).code).toBe(0)
  await site.expectNoLeaks()
})

it('one that was killed goes on where it was', async () => {
  const { directory, site } = await given()
  const move = ['migrate', '--json', '--from', directory, '--to', site.store, '--to-catalog', site.catalog]
  // It makes the tables, which are looked at.
  await site.join()
  const killed = new AshlarProcess(move, { env: { ...site.env, ASHLAR_MAX_UPLOAD_CONCURRENCY: '1' } })
  await until('the site has a part of the long file', 30_000, async () => {
    const rows = await site.query<{ offset: string }>(`select "offset" from uploads`)
    return rows.some(({ offset }) => Number(offset) > 10 * chunkBytes)
  })
  killed.child.kill('SIGKILL')
  await killed.ended
  expect(await keptIn(site.store, site.catalog, site.env)).not.toContainEqual(
    expect.objectContaining({ name: 'long' }),
  )
  const before = await site.locations()
  expect(summaryIn(await site.run(...move))).toMatchObject({ failed: 0 })
  expect(await keptIn(site.store, site.catalog, site.env)).toEqual(await keptIn(directory, 'sqlite', {}))
  expect((await site.locations()).length).toBeLessThan(before.length + longChunks)
  await site.expectNoLeaks()
})
