import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import type { FileId } from '../../../src/model/file.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { eventually } from '../../robustness/eventually.ts'
import { problemIn } from '../../http/refused.ts'
import { digestOf, get, KiB, sample } from '../../http/sample.ts'
import { chunkFilesOf } from '../../http/settled.ts'
import {
  checksum,
  create,
  endUploads,
  fileOf,
  givenPart,
  givenUpload,
  idIn,
  locationIn,
  metadata,
  offsetOf,
  patch,
  tus,
  unfinished,
} from './tus-client.ts'

let server: TestServer
/** Where every upload has expired as soon as it is there. */
let hasty: TestServer

beforeAll(async () => {
  ;[server, hasty] = await Promise.all([openTestServer(), openTestServer({ uploadExpiryMs: 1 })])
  return () => Promise.all([server.stop(), hasty.stop()])
})

afterEach(() => Promise.all([endUploads(server), endUploads(hasty)]))

describe('Upload-Expires', () => {
  const long = sample(400 * KiB)
  const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

  it('"MUST be included in every PATCH response if the upload is going to expire", and in POST and HEAD', async () => {
    const created = await create(server, { 'Upload-Length': 10 })
    const path = locationIn(created)
    const answers = [
      created,
      await patch(server, path, 0, 'abc'),
      await patch(server, path, 0, 'abc'),
      await patch(server, path, 3, 'abc', { 'Upload-Checksum': 'sha1 AAAA' }),
      await patch(server, path, 3, 'abc', { 'Upload-Offset': '-1' }),
      await patch(server, path, 3, 'abc', { 'Content-Type': 'text/plain' }),
      await tus(server, 'HEAD', path),
    ]
    expect(answers.map(({ status }) => status)).toEqual([201, 204, 409, 460, 400, 415, 200])
    for (const { headers } of answers) {
      expect(headers['upload-expires']).toMatch(httpDate)
      const inMs = Date.parse(headers['upload-expires'] as string) - Date.now()
      expect(inMs).toBeGreaterThan(50_000)
      expect(inMs).toBeLessThanOrEqual(60_000)
    }
  })

  it('is not in the answers of an upload that is a file', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 6 }, 'abc')
    expect((await patch(server, path, 3, 'def')).headers).not.toHaveProperty('upload-expires')
    expect((await tus(server, 'HEAD', path)).headers).not.toHaveProperty('upload-expires')
  })

  it('"If a Client does attempt to resume an upload which has since been removed …, SHOULD respond with the 404 Not Found"', async () => {
    const path = await givenUpload(hasty, { 'Upload-Length': 400 * KiB }, sample(200 * KiB))
    const part = await givenPart(hasty, 'part')
    await eventually(async () => {
      await collectGarbage(hasty.store)
      expect(await unfinished(hasty)).toEqual([])
    })
    expect(await offsetOf(hasty, path)).toBeUndefined()
    expect(problemIn(await patch(hasty, path, 200 * KiB, 'more'))).toEqual([404, 'not_found'])
    expect(problemIn(await create(hasty, { 'Upload-Concat': `final;${part}` }))).toEqual([404, 'not_found'])
    await endUploads(hasty, [])
  })

  it.each([
    ['as it comes', {}],
    ['in a staging upload, for its checksum', { 'Upload-Checksum': checksum(long) }],
  ])('an upload is not collected while it is received %s', async (_, headers) => {
    const path = await givenUpload(hasty, { 'Upload-Length': 400 * KiB })
    const body = async function* () {
      yield long.subarray(0, 300 * KiB)
      // Chunks are in the catalog, and whatever has them has expired.
      await eventually(async () => {
        const expired = await hasty.store.catalog.listExpiredUploads(Date.now(), 10)
        expect(expired.some(({ offset }) => offset >= 256 * KiB)).toBe(true)
      })
      expect(await collectGarbage(hasty.store)).toMatchObject({ uploads: 0 })
      yield long.subarray(300 * KiB)
    }
    expect((await patch(hasty, path, 0, body(), headers)).status).toBe(204)
    expect((await fileOf(hasty, path)).equals(long)).toBe(true)
  })
})

describe('DELETE', () => {
  it('"MUST respond with the 204 No Content status", "SHOULD free associated resources", "for all future requests … 404"', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 400 * KiB }, sample(300 * KiB))
    const before = chunkFilesOf(server).length
    expect(await tus(server, 'DELETE', path)).toMatchObject({ status: 204, body: Buffer.alloc(0) })
    expect(await offsetOf(server, path)).toBeUndefined()
    expect(problemIn(await patch(server, path, 300 * KiB, 'more'))).toEqual([404, 'not_found'])
    expect(problemIn(await tus(server, 'DELETE', path))).toEqual([404, 'not_found'])
    await endUploads(server, [])
    expect(before - chunkFilesOf(server).length).toBe(3)
  })

  it('ends a request that still appends', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 400 * KiB })
    const isHeld = Promise.withResolvers<void>()
    const isDeleted = Promise.withResolvers<void>()
    const body = async function* () {
      yield sample(200 * KiB)
      isHeld.resolve()
      await isDeleted.promise
    }
    const appending = patch(server, path, 0, body())
    await isHeld.promise
    await eventually(() => expect(server.store.receiving.size).toBe(1))
    expect((await tus(server, 'DELETE', path)).status).toBe(204)
    isDeleted.resolve()
    expect(problemIn(await appending)).toEqual([400, 'aborted'])
    await endUploads(server, [])
  })

  it('of one that is a file forgets only the upload', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 3 }, 'abc')
    expect((await tus(server, 'DELETE', path)).status).toBe(204)
    expect(await offsetOf(server, path)).toBeUndefined()
    expect((await fileOf(server, path)).toString()).toBe('abc')
  })
})

describe('an upload that is a file', () => {
  const bytes = sample(300 * KiB)

  it('tells its file in the answer that completes it, and again if that answer was lost', async () => {
    const named = { 'Upload-Metadata': metadata({ filename: 'said' }) }
    const path = await givenUpload(server, { ...named, 'Upload-Length': bytes.length }, bytes.subarray(0, 9))
    const expected = { 'content-location': `/files/@${idIn(path)}`, 'upload-offset': String(bytes.length) }
    const last = await patch(server, path, 9, bytes.subarray(9))
    expect(last.headers).toMatchObject({ ...expected, etag: (await get(server, 'said')).headers.etag })
    for (let times = 0; times < 2; times++) {
      expect((await tus(server, 'HEAD', path)).headers).toMatchObject(expected)
    }
    await endUploads(server, [])
  })

  it('takes no more bytes, while an empty PATCH at its end is answered as the last one was', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 3 }, 'abc')
    expect(problemIn(await patch(server, path, 3, 'more'))).toEqual([409, 'offset_conflict'])
    const empty = await patch(server, path, 3, '')
    expect([empty.status, empty.headers['upload-offset']]).toEqual([204, '3'])
    expect((await fileOf(server, path)).toString()).toBe('abc')
  })

  it('takes the place of the one before, whose digest it may share', async () => {
    const named = { 'Upload-Length': bytes.length, 'Upload-Metadata': metadata({ filename: 'again' }) }
    const first = await givenUpload(server, named, bytes)
    const second = await givenUpload(server, named, bytes)
    expect((await get(server, 'again')).headers.etag).toBe(`"${digestOf(bytes, 128 * KiB)}"`)
    expect((await tus(server, 'GET', `/files/@${idIn(first)}`)).status).toBe(404)
    expect((await fileOf(server, second)).equals(bytes)).toBe(true)
  })

  it('is the same file for several requests at once, after a stop in between', async () => {
    const { catalog, options } = server.store
    const path = await givenUpload(server, { 'Upload-Defer-Length': 1 }, bytes)
    expect(options.chunkSize).toBeLessThan(bytes.length)
    // So it stands when the server stopped after its last bytes.
    await catalog.declareUploadSize(idIn(path) as FileId, bytes.length)
    expect((await tus(server, 'GET', `/files/@${idIn(path)}`)).status).toBe(404)
    const offsets = await Promise.all(Array.from({ length: 8 }, () => offsetOf(server, path)))
    expect(new Set(offsets)).toEqual(new Set([bytes.length]))
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
    await endUploads(server, [])
  })
})
