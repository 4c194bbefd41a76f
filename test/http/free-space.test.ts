import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freeBytes } from '../../src/chunks/disk/free-bytes.ts'
import { ServerProcess } from '../robustness/server-process.ts'
import { request, type Answer } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { problemIn, refused } from './refused.ts'
import { inPieces, KiB, put, sample } from './sample.ts'
import { create, endUploads, givenPart, offsetMediaType, patch, locationIn } from './tus/tus-client.ts'

const bytes = sample(300 * KiB)
const tooSmall = bytes.length - 1

let free: () => Promise<number>
let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ freeBytes: () => free() })
  return server.stop
})

beforeEach(() => {
  free = () => Promise.resolve(bytes.length)
})

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
  it('is taken if there is just enough space', async () => {
    expect([200, 201]).toContain((await send()).status)
    await endUploads(server)
  })

  it('is refused if there is one byte less, and leaves nothing', async () => {
    free = () => Promise.resolve(tooSmall)
    expect(await refused(server, send)).toMatchObject({ refusal: [507, 'no_space'] })
  })

  it('is refused before its bytes are sent', async () => {
    free = () => Promise.resolve(tooSmall)
    const answer = await refused(server, () => send({ Expect: '100-continue' }))
    expect(answer).toMatchObject({ refusal: [507, 'no_space'], isContinued: false })
  })

  it('is refused if nobody can say how much there is', async () => {
    const missing = join(await temporaryDirectory(), 'missing')
    free = () => freeBytes(missing, 0)
    expect(await refused(server, send)).toMatchObject({ refusal: [503, 'unavailable'] })
  })
})

describe('with no space left', () => {
  beforeEach(() => {
    free = () => Promise.resolve(0)
  })

  it('a file without bytes is taken, and one whose length nobody has said', async () => {
    expect((await put(server, 'empty', '')).status).toBe(201)
    expect((await put(server, 'unannounced', inPieces(bytes))).status).toBe(201)
    expect((await request(server, 'DELETE', '/files/unannounced')).status).toBe(204)
    const path = locationIn(await create(server, { 'Upload-Defer-Length': 1 }))
    expect((await patch(server, path, 0, bytes, { 'Upload-Length': bytes.length })).status).toBe(204)
  })

  it('what is there already can be joined, and an upload that has begun goes on', async () => {
    free = () => Promise.resolve(bytes.length)
    const parts = [await givenPart(server, bytes), await givenPart(server, 'more')]
    const path = locationIn(await create(server, { 'Upload-Length': bytes.length }))
    free = () => Promise.resolve(0)
    expect((await create(server, { 'Upload-Concat': `final;${parts.join(' ')}` })).status).toBe(201)
    expect((await patch(server, path, 0, bytes)).status).toBe(204)
    await endUploads(server)
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
    const roomy = await ServerProcess.start(store, ['--min-free-space', '0B'])
    expect((await request(roomy, 'PUT', '/files/kept', { body: 'kept' })).status).toBe(201)
    await roomy.terminate()
    await roomy.exited
    const full = await ServerProcess.start(store, ['--min-free-space', '8000TiB'])
    expect(problemIn(await request(full, 'PUT', '/files/more', { body: 'more' }))).toEqual([507, 'no_space'])
    expect((await request(full, 'GET', '/files/kept')).body.toString()).toBe('kept')
    expect((await request(full, 'DELETE', '/files/kept')).status).toBe(204)
  })
})
