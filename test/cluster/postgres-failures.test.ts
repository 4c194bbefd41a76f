import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  openPostgresCatalog,
  syncCommits,
  type PostgresCatalogOptions,
} from '../../src/catalog/postgres/open-postgres-catalog.ts'
import type { PostgresCatalog } from '../../src/catalog/postgres/postgres-catalog.ts'
import { execute } from '../../src/catalog/sql/prepared.ts'
import { Transactions } from '../../src/catalog/postgres/transactions.ts'
import { aChunk, aFile, aSpace, named, outcomeOf, tally } from '../catalog/fixtures.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { patiently, PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

async function open(url: string, options?: PostgresCatalogOptions): Promise<PostgresCatalog> {
  const catalog = await openPostgresCatalog(url, options)
  onTestFinished(() => catalog.close())
  return catalog
}

const patient = { maxConnections: 1, connectTimeoutMs: 5000, statementTimeoutMs: 0 }

const unavailable = (words: RegExp) =>
  expect.objectContaining({ name: 'StoreError', code: 'unavailable', message: expect.stringMatching(words) })

/** From now on whoever puts a file gets this answer of the server, for the first `times`. */
async function answerPuts(url: string, state: string, times = 1_000_000): Promise<void> {
  await server.query(
    `create sequence tries;
     create function answer() returns trigger language plpgsql as $$ begin
       if nextval('tries') <= ${times} then raise exception using errcode = '${state}'; end if;
       return new;
     end $$;
     create trigger answer before insert on files for each row execute function answer()`,
    url,
  )
}

/** Keeps everybody from changing files, until what it resolves with is called. */
async function holdFiles(url: string): Promise<() => Promise<void>> {
  const transactions = new Transactions(url, { ...patient, preamble: `set application_name = 'holder'` })
  onTestFinished(() => transactions.close())
  const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = transactions.change(async (db) => {
    await execute(db, sql`lock table files in exclusive mode`)
    held.resolve()
    await released.promise
  })
  await Promise.race([held.promise, holding])
  return () => {
    released.resolve()
    return holding
  }
}

describe('opening rejects, with what to do,', () => {
  it('where nobody listens', async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    await expect(openPostgresCatalog(`postgres://a:b@127.0.0.1:${port}/c`)).rejects.toEqual(
      unavailable(/cannot be reached \(ECONNREFUSED\): see that it runs/),
    )
  })

  it('where somebody listens and never answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const url = `postgres://a:b@127.0.0.1:${port}/c`
    await expect(openPostgresCatalog(url, { connectTimeoutMs: 100 })).rejects.toEqual(
      unavailable(/cannot be reached \(.*timeout/),
    )
  })

  it.each([
    ['the password is wrong', { password: 'guessed' }, /refuses the user or the password/],
    ['the user is unknown', { user: 'nobody' }, /refuses the user or the password/],
    ['there is no such database', { database: 'missing' }, /is not there: create it/],
    ['there is no such schema', { schema: 'missing' }, /none of the schemas.*: create the first/],
  ])('where %s', async (_, parts, words) => {
    await expect(openPostgresCatalog(server.url(parts))).rejects.toEqual(unavailable(words))
  })

  it('where the user may have no more connections, or make no tables', async () => {
    await server.query(`create role guest login password 'guest' connection limit 1`)
    const url = server.url({ user: 'guest', password: 'guest' })
    await expect(openPostgresCatalog(url)).rejects.toEqual(unavailable(/may not do this/))
    const only = new Transactions(url, { ...patient, preamble: '' })
    onTestFinished(() => only.close())
    await only.read((db) => execute(db, sql`select`))
    await expect(openPostgresCatalog(url)).rejects.toEqual(unavailable(/takes no more connections/))
  })

  it('where text would not be kept as it is', async () => {
    await server.query(`create database latin encoding 'LATIN1' template template0`)
    await expect(openPostgresCatalog(server.url({ database: 'latin' }))).rejects.toEqual(
      unavailable(/has the encoding LATIN1: create one that has UTF8/),
    )
  })

  it('where commits are not synced', async () => {
    const url = await server.createSchema()
    const sync = async (value: string) => {
      await server.query(`alter system set fsync = ${value}`)
      await server.query('select pg_reload_conf()')
      await expect.poll(() => server.query('show fsync'), patiently).toEqual([{ fsync: value }])
    }
    await sync('off')
    try {
      await expect(openPostgresCatalog(url)).rejects.toEqual(unavailable(/fsync = off.*turn it on/))
    } finally {
      await sync('on')
    }
  })
})

it.each([
  ['off', 'on'],
  ['remote_apply', 'remote_apply'],
])('where the default is synchronous_commit = %s a commit has %s', async (given, used) => {
  const url = new URL(server.url())
  url.searchParams.set('options', `-c synchronous_commit=${given}`)
  const transactions = new Transactions(url.href, { ...patient, preamble: syncCommits })
  onTestFinished(() => transactions.close())
  const rows = await transactions.read((db) => execute(db, sql`show synchronous_commit`))
  expect(rows).toEqual([{ synchronous_commit: used }])
})

describe('the answer of the server', () => {
  it.each([
    ['53100', 'no_space', /free space on the disk of its database/],
    ['53200', 'unavailable', /its log says why/],
    ['58030', 'unavailable', /its log says why/],
    ['25006', 'unavailable', /name the primary/],
    ['42501', 'unavailable', /may not do this/],
    ['57014', 'unavailable', /has taken too long/],
    ['22000', 'internal', /should not/],
  ])('%s is %s, has changed nothing, and keeps its cause', async (state, code, words) => {
    const url = await server.createSchema()
    const catalog = await open(url)
    await answerPuts(url, state, 1)
    const chunk = aChunk()
    const file = aFile(aSpace(), 'x', { chunks: [chunk] })
    await expect(catalog.createFile(file)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words),
      cause: { code: state, stack: expect.stringContaining('files.ts') },
    })
    expect(await catalog.findChunk(chunk.digest)).toBeUndefined()
    expect(await catalog.createFile(file)).toMatchObject({ hasReplaced: false })
  })

  it.each(['40001', '40P01'])('%s, that others were in the way, is no answer yet', async (state) => {
    const url = await server.createSchema()
    const catalog = await open(url)
    await answerPuts(url, state, 4)
    const file = aFile(aSpace(), 'x', { chunks: [aChunk()] })
    expect(await catalog.createFile(file)).toMatchObject({ hasReplaced: false })
    expect(await catalog.listChunks(file.id, 0, 9)).toHaveLength(1)
  })

  it('is the answer all the same when that does not end', async () => {
    const url = await server.createSchema()
    const catalog = await open(url)
    await answerPuts(url, '40001')
    await expect(catalog.createFile(aFile(aSpace(), 'x'))).rejects.toEqual(unavailable(/try again/))
  })

  it('tells a failure that should not be, and keeps its stack', async () => {
    const catalog = await open(await server.createSchema())
    const file = aFile(aSpace(), 'x')
    await catalog.createFile(file)
    await expect(catalog.createFile({ ...file, space: aSpace() })).rejects.toMatchObject({
      code: 'internal',
      cause: { message: expect.stringContaining('files_pkey'), stack: expect.stringContaining('files.ts') },
    })
  })
})

describe('a connection', () => {
  it('that is lost before the answer to a commit leaves it open what was done, and does nothing twice', async () => {
    const proxy = await CuttingProxy.start(server.port)
    const url = new URL(await server.createSchema())
    url.port = String(proxy.port)
    const catalog = await open(url.href)
    onTestFinished(() => proxy.stop())
    const space = aSpace()
    await catalog.createFile(aFile(space, 'x'))
    proxy.loseAnswerTo('commit\0')
    const file = aFile(space, 'x', { chunks: [aChunk()] })
    await expect(catalog.createFile(file)).rejects.toEqual(unavailable(/cannot be reached/))
    expect(await catalog.findFile(space, { name: named('x') })).toMatchObject({ id: file.id, size: 10 })
    expect(await catalog.createFile(aFile(space, 'x'))).toMatchObject({ hasReplaced: true })
  })

  it('on which no answer comes any more is given up', async () => {
    const proxy = await CuttingProxy.start(server.port)
    const url = new URL(await server.createSchema())
    url.port = String(proxy.port)
    const catalog = await open(url.href, { connectTimeoutMs: 500, statementTimeoutMs: 500 })
    onTestFinished(() => proxy.stop())
    proxy.stall()
    const calls = [catalog.findChunk(aChunk().digest), catalog.createFile(aFile(aSpace(), 'x'))]
    expect(await tally(calls)).toEqual({ unavailable: 2 })
  })

  it('that somebody ends is replaced by the next call, also in the middle of one', async () => {
    const url = await server.createSchema()
    const catalog = await open(url)
    const space = aSpace()
    await catalog.createFile(aFile(space, 'x'))
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'ashlar' and pid <> pg_backend_pid()`
    await server.query(kill)
    await expect.poll(() => outcomeOf(catalog.createFile(aFile(space, 'y'))), patiently).toBe('done')

    const release = await holdFiles(url)
    const blocked = outcomeOf(catalog.createFile(aFile(space, 'z')))
    const waiting = `select from pg_stat_activity where application_name = 'ashlar' and wait_event_type = 'Lock'`
    await expect.poll(() => server.query(waiting), patiently).toHaveLength(1)
    await server.query(kill)
    expect(await blocked).toBe('unavailable')
    await release()
    expect(await catalog.findFile(space, { name: named('z') })).toBeUndefined()
    expect(await outcomeOf(catalog.createFile(aFile(space, 'z')))).toBe('done')
  })

  it('that others wait for too long is none, and a statement that takes too long is ended', async () => {
    const url = await server.createSchema()
    const options = { maxConnections: 1, connectTimeoutMs: 100, statementTimeoutMs: 400 }
    const catalog = await open(url, options)
    const release = await holdFiles(url)
    const slow = catalog.createFile(aFile(aSpace(), 'x'))
    const waiting = catalog.findChunk(aChunk().digest)
    await expect(waiting).rejects.toEqual(unavailable(/timeout/))
    await expect(slow).rejects.toEqual(unavailable(/has taken too long/))
    await release()
    expect(await outcomeOf(catalog.createFile(aFile(aSpace(), 'x')))).toBe('done')
  })
})

describe('a server that', () => {
  it.each(['fast', 'immediate'] as const)(
    'ends (%s) and comes back has all that was acknowledged, and is used again',
    async (how) => {
      const catalog = await open(await server.createSchema(), { connectTimeoutMs: 1000 })
      const space = aSpace()
      const acknowledged: string[] = []
      const failures = new Set<string>()
      const stopping = new AbortController()
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; !stopping.signal.aborted; index++) {
          const file = aFile(space, `${writer}/${index}`, { chunks: [aChunk()] })
          const outcome = await outcomeOf(catalog.createFile(file))
          if (outcome === 'done') acknowledged.push(file.name)
          else failures.add(outcome)
        }
      })
      await expect.poll(() => acknowledged.length, patiently).toBeGreaterThan(50)
      await server.halt(how)
      const before = acknowledged.length
      await expect.poll(() => failures.size, patiently).toBeGreaterThan(0)
      await server.resume()
      await expect.poll(() => acknowledged.length, patiently).toBeGreaterThan(before + 50)
      stopping.abort()
      await Promise.all(writers)
      expect([...failures]).toEqual(['unavailable'])
      const { files } = await catalog.listFiles({ space, prefix: '', limit: 100_000 })
      const present = new Set<string>(files.map(({ name }) => name))
      expect(acknowledged.filter((name) => !present.has(name))).toEqual([])
    },
  )
})
