import pino from 'pino'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { faulty, type FaultyChunkStore } from '../support/faulty.ts'
import { request } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { get, put } from './sample.ts'

interface Line {
  readonly level: number
  readonly client: string
  readonly method: string
  readonly url: string
  readonly status: number
  readonly code?: string
  readonly err?: object
}

const lines: Line[] = []
const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line) as Line) })
const [info, warn, error] = [30, 40, 50]

let server: TestServer
let quiet: TestServer
let chunks: FaultyChunkStore

const wrapChunks = (store: ChunkStore) => (chunks = faulty(store, []))

beforeAll(async () => {
  server = await openTestServer({ log })
  quiet = await openTestServer({ log, logRequests: 'errors', wrapChunks })
  return async () => {
    await server.stop()
    await quiet.stop()
  }
})

beforeEach(() => {
  lines.length = 0
  chunks.replan([])
})

/**
 * A request is logged when its connection is done with it, a moment after the client has the
 * answer.
 */
async function linesAfter(count: number): Promise<readonly Line[]> {
  await expect.poll(() => lines.length, { interval: 5 }).toBeGreaterThanOrEqual(count)
  // Nothing more comes for an earlier request once a later one has been logged.
  await request(server, 'DELETE', '/files/last')
  await expect.poll(() => lines.length, { interval: 5 }).toBeGreaterThan(count)
  return lines.slice(0, -1)
}

it('has one line for each request, with the address of its client, also if it failed', async () => {
  await put(server, 'a', 'x')
  await get(server, 'missing')
  expect(await linesAfter(2)).toMatchObject([
    { level: info, client: '127.0.0.1', method: 'PUT', url: '/files/a', status: 201 },
    {
      level: info,
      client: '127.0.0.1',
      method: 'GET',
      url: '/files/missing',
      status: 404,
      code: 'not_found',
    },
  ])
})

it('has no query, and of a long path only the beginning', async () => {
  await request(server, 'GET', `/files/${'p'.repeat(4000)}?secret`)
  await request(server, 'GET', '/api/files?q=secret')
  const logged = await linesAfter(2)
  expect(JSON.stringify(logged)).not.toContain('secret')
  expect(logged[0]!.url).toBe(`/files/${'p'.repeat(505)}…`)
  expect(JSON.stringify(logged[0]).length).toBeLessThan(1500)
})

it('has neither user nor host of an absolute address', async () => {
  await request(server, 'GET', 'http://user:secret@127.0.0.1/healthz/x')
  expect((await linesAfter(1))[0]!.url).toBe('/healthz/x')
})

it('has no stack of what the client asked for in vain, and none of a full disk', async () => {
  await request(server, 'PUT', '/files/a', { headers: { 'Transfer-Encoding': 'gzip, chunked' } })
  chunks.replan([{ on: 'put', call: 'every', kind: 'no-space' }])
  await put(quiet, 'a', 'x')
  const logged = await linesAfter(2)
  expect(logged.map(({ level, status }) => [level, status])).toEqual([
    [info, 501],
    [warn, 507],
  ])
  for (const line of logged) expect(line).not.toHaveProperty('err')
})

it('has the stack of a fault', async () => {
  chunks.replan([{ on: 'put', call: 'every', kind: 'refuse' }])
  await put(quiet, 'a', 'x')
  expect(await linesAfter(1)).toMatchObject([
    { level: error, status: 503, err: { stack: expect.any(String) as string } },
  ])
})

it('has only faults if it is told so', async () => {
  await put(quiet, 'a', 'x')
  await get(quiet, 'missing')
  expect(await linesAfter(0)).toEqual([])
})
