import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { noteCommits } from '../../src/server/note-commits.ts'
import { openConfigured, openStoreToRead, openStoreToRebuild } from '../../src/server/open-stores.ts'
import { readBack } from '../robustness/read-back.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { PostgresServer } from './postgres-server.ts'

const run = promisify(execFile)
const programs = '/usr/lib/postgresql/15/bin'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

it('an old dump of the catalog that was put back is refused, and a rebuilt one serves every file', async () => {
  const directory = await temporaryDirectory()
  const argsFor = (url: string) => ['--store', join(directory, 'store'), '--catalog', url]
  const [url, schema] = [await server.createSchema(), await server.createSchema()]
  const reported: unknown[] = []
  const report = (error: unknown) => reported.push(error)
  const put = async (catalog: string, names: readonly string[]) => {
    const config = readConfig(argsFor(catalog), {})
    const opened = await openConfigured(config, report)
    for (const name of names) await uploadBytes(opened.store, name, Buffer.from(name))
    await noteCommits(config, opened.store.catalog, 60_000, report).stop()
    await opened.close()
  }
  await put(url, ['before'])
  const dump = join(directory, 'dump.sql')
  const old = new URL(url)
  const name = /search_path=(\w+)/.exec(decodeURIComponent(old.search))![1]!
  await run(join(programs, 'pg_dump'), ['--schema', name, '--file', dump, server.url()])
  await put(url, ['after'])
  await server.query(`drop schema ${name} cascade`)
  await run(join(programs, 'psql'), ['--quiet', '--set', 'ON_ERROR_STOP=1', '--file', dump, server.url()])

  const refused = { code: 'corrupt', message: expect.stringContaining('ashlar rebuild') }
  await expect(put(url, ['lost'])).rejects.toMatchObject(refused)
  await expect(openStoreToRead(argsFor(url), {})).rejects.toMatchObject(refused)

  const rebuilding = await openStoreToRebuild(argsFor(schema), {})
  expect(await rebuilding.rebuild()).toMatchObject({ files: 2, lostChunks: 0 })
  await rebuilding.close()
  const opened = await openConfigured(readConfig(argsFor(schema), {}), report)
  for (const each of ['before', 'after']) expect(String(await readBack(opened.store, each))).toBe(each)
  await opened.close()
  expect(reported).toEqual([])
})
