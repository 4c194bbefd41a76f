import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { problemIn } from '../../http/refused.ts'
import { inPieces, KiB, sample } from '../../http/sample.ts'
import {
  create,
  endUploads,
  fileOf,
  givenUpload,
  idIn,
  offsetMediaType,
  offsetOf,
  patch,
  tus,
} from './tus-client.ts'

const absent = '/uploads/01890a5d-ac96-774b-bcce-b302099a8057'
const maxFileSize = 1024 * KiB

let server: TestServer
let path: string

beforeAll(async () => {
  server = await openTestServer({ maxFileSize })
  return server.stop
})

afterEach(() => endUploads(server))

describe('Tus-Resumable', () => {
  const offset = { 'Content-Type': offsetMediaType, 'Upload-Offset': '3' }

  it.each([
    ['POST', '/uploads', { 'Upload-Length': '1' }, 201],
    ['POST', '/uploads/', { 'Upload-Length': '1' }, 201],
    ['POST', '/uploads', {}, 400],
    ['POST', '/uploads', { 'Tus-Resumable': '2.0.0', 'Upload-Length': '1' }, 412],
    ['POST', '/uploads', { 'Upload-Length': '1', Origin: 'http://elsewhere.test' }, 403],
    ['GET', '/uploads', {}, 405],
    ['PUT', absent, {}, 405],
    ['HEAD', '', {}, 200],
    ['HEAD', absent, {}, 404],
    ['HEAD', '/uploads/none', {}, 404],
    ['PATCH', '', offset, 204],
    ['PATCH', '', { ...offset, 'Upload-Offset': '4' }, 409],
    ['PATCH', '', {}, 415],
    ['PATCH', absent, offset, 404],
    ['DELETE', '', {}, 204],
    ['DELETE', absent, {}, 404],
    ['OPTIONS', '/uploads', {}, 204],
    ['OPTIONS', '/uploads/', {}, 204],
  ])(
    '"MUST be included in every request and response": %s %s %j → %i',
    async (method, at, headers, status) => {
      path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
      const answer = await tus(server, method, at || path, headers)
      expect(answer).toMatchObject({ status, headers: { 'tus-resumable': '1.0.0' } })
    },
  )

  it.each(['0.2.2', '1.0', '1.0.0, 2.0.0', ''])(
    '"If the version specified by the Client is not supported by the Server, it MUST respond with the 412 Precondition Failed status and MUST include the Tus-Version header into the response. In addition, the Server MUST NOT process the request.": %j',
    async (version) => {
      path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
      const other = { 'Tus-Resumable': version }
      const expected = { status: 412, headers: { 'tus-version': '1.0.0' } }
      expect(await create(server, { ...other, 'Upload-Length': 5 })).toMatchObject(expected)
      expect(await patch(server, path, 3, 'def', other)).toMatchObject(expected)
      expect(await tus(server, 'DELETE', path, other)).toMatchObject(expected)
      const head = await tus(server, 'HEAD', path, other)
      expect(head).toMatchObject(expected)
      expect(head.headers).not.toHaveProperty('upload-offset')
      expect(await offsetOf(server, path)).toBe(3)
      await endUploads(server, [path])
    },
  )
})

describe('OPTIONS', () => {
  it.each(['/uploads', absent])(
    '"A successful response indicated by the 204 No Content or 200 OK status MUST contain the Tus-Version header.": %s',
    async (at) => {
      const { status, headers, body } = await tus(server, 'OPTIONS', at)
      expect([status, body.length]).toEqual([204, 0])
      expect(headers).toMatchObject({
        'tus-version': '1.0.0',
        'tus-max-size': String(maxFileSize),
        'tus-extension':
          'creation,creation-with-upload,creation-defer-length,expiration,checksum,checksum-trailer,termination,concatenation',
      })
    },
  )

  it('"The Server SHOULD set this header if there is a known hard limit": and there is none otherwise', async () => {
    const unlimited = await openTestServer()
    const { headers } = await tus(unlimited, 'OPTIONS', '/uploads')
    expect(headers).not.toHaveProperty('tus-max-size')
    await unlimited.stop()
  })

  it('"The Client SHOULD NOT include the Tus-Resumable header in the request and the Server MUST ignore the header."', async () => {
    expect((await tus(server, 'OPTIONS', '/uploads', { 'Tus-Resumable': '0.2.2' })).status).toBe(204)
  })
})

function meant(method: string, override: string, headers = {}, body = '') {
  return tus(server, method, path, { 'X-HTTP-Method-Override': override, ...headers }, body)
}

describe('X-HTTP-Method-Override: "The actual method of the request MUST be ignored."', () => {
  const offset = { 'Content-Type': offsetMediaType, 'Upload-Offset': '3' }
  const expected = { status: 204, headers: { 'upload-offset': '6' } }

  it.each([
    ['POST', 'PATCH'],
    ['PUT', 'patch'],
    ['DELETE', 'PATCH'],
  ])('%s stands for %s', async (method, override) => {
    path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
    expect(await meant(method, override, { ...offset, 'Content-Length': '3' }, 'def')).toMatchObject(expected)
  })

  it('stands for HEAD, DELETE, POST and OPTIONS', async () => {
    path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
    const head = await meant('POST', 'HEAD')
    expect(head).toMatchObject({ status: 200, headers: { 'upload-offset': '3' }, body: Buffer.alloc(0) })
    expect(await meant('POST', 'OPTIONS', { 'Tus-Resumable': '0' })).toMatchObject({ status: 204 })
    expect((await meant('POST', 'DELETE')).status).toBe(204)
    expect(await offsetOf(server, path)).toBeUndefined()
    path = '/uploads'
    expect((await meant('PATCH', 'POST', { 'Upload-Length': 10 })).status).toBe(201)
  })

  it('names a method that nothing answers to', async () => {
    path = await givenUpload(server, { 'Upload-Length': 10 })
    for (const override of ['GET', 'PUT', 'no such']) {
      expect(problemIn(await meant('POST', override))).toEqual([405, 'method_not_allowed'])
    }
  })

  it('is answered with a problem as the client waits for it', async () => {
    path = absent
    expect(problemIn(await meant('POST', 'HEAD'))).toEqual([404, 'not_found'])
    expect((await meant('HEAD', 'PATCH', offset)).status).toBe(404)
  })

  it('means nothing anywhere else', async () => {
    path = '/api/files'
    expect((await meant('GET', 'DELETE')).status).toBe(200)
  })
})

describe('HEAD', () => {
  it.each([
    [
      'MUST always include the Upload-Offset header …, even if the offset is 0',
      { 'Upload-Length': 5 },
      '',
      { 'upload-offset': '0', 'upload-length': '5' },
    ],
    [
      'or the upload is already considered completed',
      { 'Upload-Length': 3 },
      'abc',
      { 'upload-offset': '3', 'upload-length': '3' },
    ],
    [
      'As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1 in all responses to HEAD requests.',
      { 'Upload-Defer-Length': 1 },
      'abc',
      { 'upload-offset': '3', 'upload-defer-length': '1' },
    ],
    [
      'MUST include the Upload-Metadata header and its value as specified by the Client during the creation',
      { 'Upload-Length': 5, 'Upload-Metadata': 'filename d29ybGQucGRm,  is_confidential, x  ' },
      '',
      { 'upload-metadata': 'filename d29ybGQucGRm,  is_confidential, x' },
    ],
    [
      'Response to HEAD request against partial … upload MUST include the Upload-Concat header',
      { 'Upload-Length': 5, 'Upload-Concat': 'partial' },
      '',
      { 'upload-concat': 'partial', 'upload-offset': '0' },
    ],
  ])('"%s"', async (_, headers, bytes, expected) => {
    const answer = await tus(server, 'HEAD', await givenUpload(server, headers, bytes))
    expect(answer).toMatchObject({ status: 200, headers: { ...expected, 'cache-control': 'no-store' } })
    const known = 'upload-defer-length' in expected ? 'upload-length' : 'upload-defer-length'
    expect(answer.headers).not.toHaveProperty(known)
  })

  it.each([absent, '/uploads/none', `${absent}/more`])(
    '"SHOULD return either the 404 Not Found, 410 Gone or 403 Forbidden status without the Upload-Offset header": %s',
    async (at) => {
      const { status, headers } = await tus(server, 'HEAD', at)
      expect(status).toBe(404)
      expect(headers).not.toHaveProperty('upload-offset')
      expect(headers['cache-control']).toBe('no-store')
    },
  )
})

describe('PATCH', () => {
  it.each([undefined, 'application/octet-stream', 'text/plain'])(
    '"All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD return a 415": %s',
    async (type) => {
      path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
      const headers = { 'Upload-Offset': '3', ...(type && { 'Content-Type': type }) }
      const answer = await tus(server, 'PATCH', path, headers, 'def')
      expect(problemIn(answer)).toEqual([415, 'unsupported_media_type'])
      expect(await offsetOf(server, path)).toBe(3)
    },
  )

  it.each([0, 2, 4, 10])(
    '"If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource.": %i instead of 3',
    async (offset) => {
      path = await givenUpload(server, { 'Upload-Defer-Length': 1 }, 'abc')
      const answer = await patch(server, path, offset, 'def', { 'Upload-Length': 8 })
      expect(problemIn(answer)).toEqual([409, 'offset_conflict'])
      const { headers } = await tus(server, 'HEAD', path)
      expect(headers).toMatchObject({ 'upload-offset': '3', 'upload-defer-length': '1' })
    },
  )

  it.each(['', '-1', '1.5', '3a', '0x3', '99999999999999999999'])(
    '"The value MUST be a non-negative integer": Upload-Offset %j',
    async (offset) => {
      path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
      const answer = await patch(server, path, 3, 'def', { 'Upload-Offset': offset })
      expect(problemIn(answer)).toEqual([400, 'invalid_request'])
      expect(await offsetOf(server, path)).toBe(3)
    },
  )

  it('"The new offset MUST be the sum of the offset before the PATCH request and the number of bytes received": of many', async () => {
    const bytes = sample(300 * KiB)
    path = await givenUpload(server, { 'Upload-Length': bytes.length })
    const ends = [1, 1, 70_000, 200_000, bytes.length]
    let offset = 0
    for (const end of ends) {
      const answer = await patch(server, path, offset, bytes.subarray(offset, end))
      expect(answer).toMatchObject({ status: 204, headers: { 'upload-offset': String(end) } })
      expect(answer.body).toHaveLength(0)
      offset = end
    }
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  })

  it('"If the server receives a PATCH request against a non-existent resource it SHOULD return a 404 Not Found status."', async () => {
    for (const at of [absent, '/uploads/none']) {
      expect(problemIn(await patch(server, at, 0, 'abc'))).toEqual([404, 'not_found'])
    }
  })

  describe('past Upload-Length', () => {
    const bytes = sample(300 * KiB)

    it('is refused before its body, if that says how long it is', async () => {
      path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
      const waiting = { Expect: '100-continue', 'Content-Length': 8 }
      const answer = await patch(server, path, 3, '12345678', waiting)
      expect(problemIn(answer)).toEqual([413, 'too_large'])
      expect(answer.isContinued).toBe(false)
      expect(await offsetOf(server, path)).toBe(3)
    })

    it('keeps whole chunks of what may be kept otherwise, and can be continued', async () => {
      path = await givenUpload(server, { 'Upload-Length': 250 * KiB })
      expect(problemIn(await patch(server, path, 0, inPieces(bytes)))).toEqual([413, 'too_large'])
      const offset = (await offsetOf(server, path))!
      expect([0, 128 * KiB]).toContain(offset)
      const rest = await patch(server, path, offset, bytes.subarray(offset, 250 * KiB))
      expect(rest.status).toBe(204)
      expect((await fileOf(server, path)).equals(bytes.subarray(0, 250 * KiB))).toBe(true)
    })
  })

  it('is told to go ahead with its body once nothing speaks against it', async () => {
    path = await givenUpload(server, { 'Upload-Length': 10 }, 'abc')
    const waiting = { Expect: '100-continue', 'Content-Length': 7 }
    expect(await patch(server, path, 3, '1234567', waiting)).toMatchObject({ status: 204, isContinued: true })
    expect((await fileOf(server, path)).toString()).toBe('abc1234567')
  })
})

it('an empty PATCH at the end of a finished upload succeeds and changes nothing', async () => {
  path = await givenUpload(server, { 'Upload-Length': 3 }, 'abc')
  for (const headers of [{}, { 'Upload-Length': 3 }]) {
    const answer = await patch(server, path, 3, '', headers)
    expect(answer).toMatchObject({
      status: 204,
      headers: { 'upload-offset': '3', 'content-location': `/files/@${idIn(path)}` },
    })
  }
  expect((await fileOf(server, path)).toString()).toBe('abc')
  expect((await patch(server, path, 2)).status).toBe(409)
  expect((await patch(server, path, 3, 'd')).status).toBe(409)
  expect((await patch(server, path, 3, '', { 'Upload-Length': 4 })).status).toBe(409)
})

it.each([
  ['DELETE', '/uploads'],
  ['PATCH', '/uploads'],
  ['GET', absent],
])('%s %s is not there', async (method, at) => {
  const { status } = await tus(server, method, at, { 'Upload-Length': '1' })
  expect(status).toBe(405)
})
