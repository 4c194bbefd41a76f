import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { problemIn } from '../../http/refused.ts'
import { digestOf, get, inPieces, KiB, sample } from '../../http/sample.ts'
import {
  create,
  endUploads,
  fileOf,
  givenUpload,
  idIn,
  locationIn,
  metadata,
  offsetMediaType,
  offsetOf,
  patch,
  tus,
} from './tus-client.ts'

const maxFileSize = 1024 * KiB
const withBytes = { 'Content-Type': offsetMediaType }

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ maxFileSize })
  return server.stop
})

afterEach(() => endUploads(server))

describe('POST', () => {
  it('"The Server MUST acknowledge a successful upload creation with the 201 Created status. The Server MUST set the Location header to the URL of the created resource."', async () => {
    const answer = await create(server, { 'Upload-Length': 100 })
    expect(answer).toMatchObject({ status: 201, headers: { 'upload-offset': '0' }, body: Buffer.alloc(0) })
    expect(await offsetOf(server, locationIn(answer))).toBe(0)
    await endUploads(server, [locationIn(answer)])
  })

  it.each([
    ['no length', {}],
    ['both', { 'Upload-Length': 5, 'Upload-Defer-Length': 1 }],
    ['Upload-Defer-Length: 0', { 'Upload-Defer-Length': 0 }],
    ['Upload-Defer-Length: true', { 'Upload-Defer-Length': 'true' }],
    ['Upload-Length: -1', { 'Upload-Length': -1 }],
    ['Upload-Length: 1e3', { 'Upload-Length': '1e3' }],
    ['Upload-Length: 2^53', { 'Upload-Length': '9007199254740992' }],
    ['Upload-Concat: part', { 'Upload-Length': 5, 'Upload-Concat': 'part' }],
  ])('"The request MUST include one of the following headers": 400 for %s', async (_, headers) => {
    expect(problemIn(await create(server, headers))).toEqual([400, 'invalid_request'])
    await endUploads(server, [])
  })

  it('"If the length of the upload exceeds the maximum …, the Server MUST respond with the 413 Request Entity Too Large status."', async () => {
    expect(problemIn(await create(server, { 'Upload-Length': maxFileSize + 1 }))).toEqual([413, 'too_large'])
    await endUploads(server, [])
    expect((await create(server, { 'Upload-Length': maxFileSize })).status).toBe(201)
  })

  it('is a file at once if it is to have no bytes', async () => {
    const answer = await create(server, { 'Upload-Length': 0 })
    const path = locationIn(answer)
    expect(answer.headers['content-location']).toBe(`/files/@${idIn(path)}`)
    expect(await fileOf(server, path)).toHaveLength(0)
    await endUploads(server, [])
  })
})

describe('Upload-Metadata', () => {
  it('says what file it will be', async () => {
    const header = metadata({ filename: 'mätadata/☃.pdf', empty: '', filetype: 'text/x-test', colour: 'blü' })
    const path = await givenUpload(server, { 'Upload-Length': 3, 'Upload-Metadata': header }, 'abc')
    expect((await get(server, encodeURIComponent('mätadata/☃.pdf'))).headers['content-type']).toBe(
      'text/x-test',
    )
    const { headers } = await tus(server, 'HEAD', path)
    expect(headers['upload-metadata']).toBe(header)
    const answer = await tus(server, 'GET', `/api/files/@${idIn(path)}`)
    expect(answer.json()).toMatchObject({
      name: 'mätadata/☃.pdf',
      mediaType: 'text/x-test',
      metadata: { colour: 'blü', empty: '' },
    })
  })

  it.each([
    ['name and type', metadata({ name: 'named.pdf', type: 'text/x-test' }), 'named.pdf', 'text/x-test'],
    ['a name alone', metadata({ filename: 'typed.pdf' }), 'typed.pdf', 'application/pdf'],
    ['an empty name', 'filename', undefined, 'application/octet-stream'],
    ['nothing', '', undefined, 'application/octet-stream'],
    ['a value that is not UTF-8', 'a /w==', undefined, 'application/octet-stream'],
    ['a value with U+0000', metadata({ a: 'b\0' }), undefined, 'application/octet-stream'],
    ['a name that is not UTF-8', 'filename /w==', undefined, 'application/octet-stream'],
    ['the type null', metadata({ filename: '0.png', filetype: 'null' }), '0.png', 'application/octet-stream'],
    ['the type image', metadata({ filename: '1.png', type: 'image' }), '1.png', 'application/octet-stream'],
    [
      'the type undefined',
      metadata({ filename: '2.png', filetype: 'undefined' }),
      '2.png',
      'application/octet-stream',
    ],
  ])('may have %s', async (_, header, name, mediaType) => {
    const path = await givenUpload(server, { 'Upload-Length': 3, 'Upload-Metadata': header }, 'abc')
    const answer = await tus(server, 'GET', `/api/files/@${idIn(path)}`)
    expect(answer.json()).toMatchObject({ name: name ?? idIn(path), mediaType, metadata: {} })
  })

  it.each([
    ['"MUST NOT be empty": a key', 'a YQ==,,b YQ==', 'invalid_metadata'],
    ['"The key and value MUST be separated by a space": two', 'a  YQ==', 'invalid_metadata'],
    ['"the value MUST be Base64 encoded": it is not', 'a %%%', 'invalid_metadata'],
    ['"All keys MUST be unique": they are not', 'a YQ==,a Yg==', 'invalid_metadata'],
    ['what no file can be named', metadata({ filename: '../etc' }), 'invalid_name'],
    ['a key that is too long', `${'k'.repeat(129)} YQ==`, 'invalid_metadata'],
  ])('refused: %s', async (_, header, code) => {
    const answer = await create(server, { 'Upload-Length': 3, 'Upload-Metadata': header })
    expect(problemIn(answer)).toEqual([400, code])
    await endUploads(server, [])
  })
})

describe('Creation With Upload', () => {
  const bytes = sample(300 * KiB)

  it.each([
    ['with a Content-Length', (part: Buffer) => part],
    ['chunked', (part: Buffer) => inPieces(part)],
  ])(
    '"MUST set its value to the offset of the upload after applying the accepted bytes": %s',
    async (_, sent) => {
      const first = await create(
        server,
        { ...withBytes, 'Upload-Length': bytes.length },
        sent(bytes.subarray(0, 200_000)),
      )
      expect(first).toMatchObject({ status: 201, headers: { 'upload-offset': '200000' } })
      expect(first.headers).not.toHaveProperty('content-location')
      const path = locationIn(first)
      expect((await patch(server, path, 200_000, bytes.subarray(200_000))).status).toBe(204)
      expect((await fileOf(server, path)).equals(bytes)).toBe(true)
    },
  )

  it('completes the file in one request, and tells which it is', async () => {
    const answer = await create(server, { ...withBytes, 'Upload-Length': bytes.length }, bytes)
    const path = locationIn(answer)
    expect(answer.headers).toMatchObject({
      'upload-offset': String(bytes.length),
      'content-location': `/files/@${idIn(path)}`,
      etag: `"${digestOf(bytes, 128 * KiB)}"`,
    })
    expect(answer.headers).not.toHaveProperty('upload-expires')
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  })

  it('"to receive early feedback from the Server": with Expect: 100-continue', async () => {
    const waiting = { ...withBytes, Expect: '100-continue', 'Content-Length': 3 }
    const welcome = await create(server, { ...waiting, 'Upload-Length': 3 }, 'abc')
    expect(welcome).toMatchObject({ status: 201, isContinued: true })
    const refused = await create(server, { ...waiting, 'Upload-Length': 2 }, 'abc')
    expect(problemIn(refused)).toEqual([413, 'too_large'])
    expect(refused.isContinued).toBe(false)
    await endUploads(server, [])
  })

  it('leaves nothing of what is refused once its bytes have come', async () => {
    const answer = await create(server, { ...withBytes, 'Upload-Length': 250 * KiB }, inPieces(bytes))
    expect(problemIn(answer)).toEqual([413, 'too_large'])
    await endUploads(server, [])
  })
})

describe('Upload-Defer-Length', () => {
  const deferred = { 'Upload-Defer-Length': 1 }

  it('"Once it is known the Client MUST set the Upload-Length header in the next PATCH request."', async () => {
    const path = await givenUpload(server, deferred, 'abc')
    expect((await patch(server, path, 3, 'def')).status).toBe(204)
    const last = await patch(server, path, 6, 'gh', { 'Upload-Length': 8 })
    expect(last.headers).toMatchObject({ 'upload-offset': '8', 'content-location': `/files/@${idIn(path)}` })
    expect((await fileOf(server, path)).toString()).toBe('abcdefgh')
  })

  it('may be settled by a PATCH without bytes', async () => {
    const path = await givenUpload(server, deferred, 'abc')
    const last = await patch(server, path, 3, '', { 'Upload-Length': 3 })
    expect(last).toMatchObject({ status: 204, headers: { 'content-location': `/files/@${idIn(path)}` } })
    expect((await fileOf(server, path)).toString()).toBe('abc')
  })

  it('is answered no more when the length is known', async () => {
    const path = await givenUpload(server, deferred, 'abc')
    expect((await patch(server, path, 3, 'd', { 'Upload-Length': 8 })).status).toBe(204)
    const { headers } = await tus(server, 'HEAD', path)
    expect(headers).toMatchObject({ 'upload-length': '8', 'upload-offset': '4' })
    expect(headers).not.toHaveProperty('upload-defer-length')
  })

  it('"Once set the length MUST NOT be changed."', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 8 }, 'abc')
    for (const other of [3, 7, 9]) {
      const answer = await patch(server, path, 3, '', { 'Upload-Length': other })
      expect(problemIn(answer)).toEqual([400, 'invalid_request'])
    }
    expect((await tus(server, 'HEAD', path)).headers['upload-length']).toBe('8')
    expect((await patch(server, path, 3, 'defgh', { 'Upload-Length': 8 })).status).toBe(204)
  })

  it.each([
    ['less than what is there', 2, ''],
    ['less than what it comes with', 5, 'def'],
    ['more than any file may have', maxFileSize + 1, 'def'],
  ])('may not be %s', async (_, length, body) => {
    const path = await givenUpload(server, deferred, 'abc')
    const answer = await patch(server, path, 3, body, { 'Upload-Length': length })
    expect(problemIn(answer)).toEqual([413, 'too_large'])
    expect((await tus(server, 'HEAD', path)).headers).toMatchObject({
      'upload-defer-length': '1',
      'upload-offset': '3',
    })
  })

  it('does not let it grow larger than any file may be', async () => {
    const path = await givenUpload(server, deferred)
    const answer = await patch(server, path, 0, inPieces(sample(maxFileSize + 1)))
    expect(problemIn(answer)).toEqual([413, 'too_large'])
  })
})
