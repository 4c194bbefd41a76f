import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { freeBytes } from '../../src/chunks/disk/free-bytes.ts'
import { openStoreToFill } from '../../src/server/open-stores.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { ServerProcess } from '../robustness/server-process.ts'
import { request, type Answer } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { filePart, form, post } from './form.ts'
import { problemIn, refused } from './refused.ts'
import { inPieces, KiB, put, sample } from './sample.ts'
import {
  create,
  endUploads,
  givenPart,
  locationIn,
  offsetMediaType,
  offsetOf,
  patch,
} from '../fronts/tus/tus-client.ts'

const bytes = sample(300 * KiB)
const tooSmall = bytes.length - 1

let free: () => Promise<number> = () => Promise.resolve(Infinity)
let server: TestServer

/**
 * How far the clock is put forward: what the disk said counts for a moment, which no test needs to
 * wait for.
 */
let skippedMs = 0

beforeAll(async () => {
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + skippedMs)
  server = await openTestServer({ freeBytes: () => free() })
})
afterAll(async () => {
  await server.stop()
  vi.restoreAllMocks()
})

const known = () => server.store.freeSpace.free().catch(() => -1)

/** Has the disk say so much, and resolves when it is believed. */
async function leave(next: number | (() => Promise<number>)): Promise<void> {
  skippedMs += 100
  free = typeof next === 'number' ? () => Promise.resolve(next) : next
  await expect.poll(known, { interval: 5 }).toBe(await free().catch(() => -1))
}

/** For the file itself, its manifest, and the change of the catalog. */
const enough = bytes.length + 256 * KiB

beforeEach(() => leave(enough))

const announcing: Readonly<Record<string, (headers?: object) => Promise<Answer>>> = {
  'PUT with Content-Length': (headers) =>
    put(server, 'file', bytes, { 'Content-Length': bytes.length, ...headers }),
  'POST /uploads': (headers) => create(server, { 'Upload-Length': bytes.length, ...headers }),
  'POST /uploads with its first bytes': (headers) =>
    create(
      server,
      {
        'Upload-Length': bytes.length,
        'Content-Type': offsetMediaType,
        'Content-Length': bytes.length,
        ...headers,
      },
      bytes,
    ),
  'POST /uploads of a part': (headers) =>
    create(server, { 'Upload-Length': bytes.length, 'Upload-Concat': 'partial', ...headers }),
}

describe.each(Object.entries(announcing))('%s', (_, send) => {
  it('is taken if there is enough space', async () => {
    expect([200, 201]).toContain((await send()).status)
    await endUploads(server)
  })

  it('is refused if there is a byte less than it is long, and leaves nothing', async () => {
    await leave(tooSmall)
    expect(await refused(server, send)).toMatchObject({ refusal: [507, 'no_space'] })
  })

  it('is refused before its bytes are sent', async () => {
    await leave(tooSmall)
    const answer = await refused(server, () => send({ Expect: '100-continue' }))
    expect(answer).toMatchObject({ refusal: [507, 'no_space'], isContinued: false })
  })

  it('is refused if nobody can say how much there is', async () => {
    const missing = join(await temporaryDirectory(), 'missing')
    await leave(() => freeBytes(missing, 0))
    expect(await refused(server, send)).toMatchObject({ refusal: [503, 'unavailable'] })
  })
})

describe('with no space left', () => {
  beforeEach(() => leave(0))

  it.each<[string, () => Promise<Answer>]>([
    ['a file without bytes', () => put(server, 'empty', '')],
    ['a file of unknown length', () => put(server, 'unannounced', inPieces(bytes))],
    ['a form', () => post(server, form([filePart('a', 'x')]))],
    ['an upload of unknown length', () => create(server, { 'Upload-Defer-Length': 1 })],
    [
      'an upload of the draft',
      () =>
        request(server, 'POST', '/uploads', {
          headers: { 'Upload-Complete': '?0', 'Upload-Draft-Interop-Version': 8 },
          body: 'x',
        }),
    ],
  ])('%s is refused, and leaves nothing', async (_, send) => {
    expect(await refused(server, send)).toMatchObject({ refusal: [507, 'no_space'] })
  })

  it('an upload that has begun keeps what it has, and takes no more', async () => {
    await leave(Infinity)
    const path = locationIn(await create(server, { 'Upload-Defer-Length': 1 }))
    expect((await patch(server, path, 0, 'begun')).status).toBe(204)
    await leave(0)
    expect(problemIn(await patch(server, path, 5, bytes))).toEqual([507, 'no_space'])
    expect(await offsetOf(server, path)).toBe(5)
    await endUploads(server)
  })

  it('parts are not joined, and metadata is not replaced', async () => {
    await leave(Infinity)
    const parts = [await givenPart(server, bytes), await givenPart(server, 'more')]
    expect((await put(server, 'described', 'x')).status).toBe(201)
    await leave(0)
    const joined = await create(server, { 'Upload-Concat': `final;${parts.join(' ')}` })
    expect(problemIn(joined)).toEqual([507, 'no_space'])
    const change = { headers: { 'Content-Type': 'application/json' }, body: '{"metadata":{"a":"b"}}' }
    expect(problemIn(await request(server, 'PATCH', '/api/files/described', change))).toEqual([
      507,
      'no_space',
    ])
    await endUploads(server)
  })

  it('files are read and deleted, and /readyz and /metrics tell', async () => {
    await leave(Infinity)
    expect((await put(server, 'kept', 'kept')).status).toBeLessThan(300)
    await leave(0)
    const ready = await request(server, 'GET', '/readyz')
    expect([ready.status, ready.json()]).toEqual([200, { status: 'ready', writes: 'no_space' }])
    const metrics = (await request(server, 'GET', '/metrics')).body.toString()
    expect(metrics).toMatch(/^ashlar_free_bytes 0$/m)
    expect((await request(server, 'GET', '/files/kept')).body.toString()).toBe('kept')
    expect((await request(server, 'DELETE', '/files/kept')).status).toBe(204)
  })
})

describe('the space of a real disk', () => {
  it('is what is above the reserve, and never less than nothing', async () => {
    const directory = await temporaryDirectory()
    const reserve = 2 ** 30
    const all = await freeBytes(directory, 0)
    expect(all).toBeGreaterThan(0)
    // Others write to the disk meanwhile.
    const slack = 2 ** 28
    expect(Math.abs(Math.max(0, all - reserve) - (await freeBytes(directory, reserve)))).toBeLessThan(slack)
    expect(await freeBytes(directory, all + 2 ** 40)).toBe(0)
  })

  it('is what a server asks for, which can delete without it', async () => {
    const store = join(await temporaryDirectory(), 'store')
    const roomy = await openStoreToFill(['--store', store, '--min-free-space', '0B'], {}, (error) => {
      throw error
    })
    await uploadBytes(roomy.store, 'kept', Buffer.from('kept'))
    await roomy.close()
    const full = await ServerProcess.start(store, ['--min-free-space', '8000TiB'])
    expect(problemIn(await request(full, 'PUT', '/files/more', { body: 'more' }))).toEqual([507, 'no_space'])
    expect((await request(full, 'GET', '/files/kept')).body.toString()).toBe('kept')
    expect((await request(full, 'DELETE', '/files/kept')).status).toBe(204)
  })
})
