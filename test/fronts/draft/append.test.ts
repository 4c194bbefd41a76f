import { createHash } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { problemIn } from '../../http/refused.ts'
import { get, given, infoIn, inPieces, KiB, sample } from '../../http/sample.ts'
import { endUploads, fileOf, idIn, unfinished } from '../tus/tus-client.ts'
import { append, draft, givenUpload, partialMediaType, stateOf, typedProblemIn } from './draft-client.ts'

const absent = '/uploads/01890a5d-ac96-774b-bcce-b302099a8057'
const maxFileSize = 1024 * KiB

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ maxFileSize })
  return server.stop
})

afterEach(() => endUploads(server))

function md5(body: string): string {
  return `md5=:${createHash('md5').update(body).digest('base64')}:`
}

describe('GET is answered as HEAD is', () => {
  it.each(['application/x', undefined])('also without a header of the draft', async (accept) => {
    const path = await givenUpload(server, 'abc', { 'Upload-Length': 10 })
    const headers = accept === undefined ? {} : { Accept: accept, 'Upload-Draft-Interop-Version': '8' }
    const answer = await request(server, 'GET', path, { headers })
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'upload-offset': '3',
        'upload-length': '10',
        'upload-complete': '?0',
        'upload-limit': expect.stringContaining('max-age='),
        'cache-control': 'no-store',
      },
    })
    expect((await request(server, 'GET', absent)).status).toBe(404)
  })
})

describe('PATCH', () => {
  it('"If the Upload-Complete request header field is set to false, … the upload resource acknowledges the appended data by sending a 2xx (Successful) response with the Upload-Complete header field set to false."', async () => {
    const bytes = sample(300 * KiB)
    const path = await givenUpload(server)
    const ends = [1, 1, 70_000, 200_000, bytes.length]
    let offset = 0
    for (const end of ends) {
      const answer = await append(server, path, offset, bytes.subarray(offset, end), false)
      const headers = { 'upload-complete': '?0', 'upload-offset': String(end) }
      expect(answer).toMatchObject({ status: 204, headers })
      offset = end
    }
    expect(await stateOf(server, path)).toEqual([String(bytes.length), 'undefined', '?0'])
    expect((await append(server, path, offset, '', true)).status).toBe(201)
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  })

  it('"The offset could match the length, but the upload can still be incomplete."', async () => {
    const path = await givenUpload(server, 'abc', { 'Upload-Length': 6 })
    expect((await append(server, path, 3, 'def', false)).status).toBe(204)
    for (let times = 0; times < 2; times++) expect(await stateOf(server, path)).toEqual(['6', '6', '?0'])
    expect((await get(server, `@${idIn(path)}`)).status).toBe(404)
    expect(await append(server, path, 6, '', true)).toMatchObject({
      status: 201,
      headers: { 'upload-complete': '?1', location: `/files/@${idIn(path)}` },
    })
    expect((await fileOf(server, path)).toString()).toBe('abcdef')
  })

  it('"SHOULD generate the response that matches what the resource … would have generated"', async () => {
    await given(server, 'there', 'old')
    const headers = { 'Content-Disposition': 'inline; filename="there"' }
    const path = await givenUpload(server, 'n', headers)
    const answer = await append(server, path, 1, inPieces(Buffer.from('ew'), 1), true)
    const info = infoIn(answer)
    expect(info).toMatchObject({ id: idIn(path), name: 'there', size: 3 })
    expect(answer).toMatchObject({ status: 200, headers: { 'upload-complete': '?1', etag: info.etag } })
    expect((await get(server, 'there')).body.toString()).toBe('new')
  })

  it('"with the application/partial-upload media type", parameters and all', async () => {
    const path = await givenUpload(server, 'abc')
    const headers = { 'Content-Type': 'Application/Partial-Upload; x=y' }
    expect((await append(server, path, 3, 'def', false, headers)).status).toBe(204)
    const other = await append(server, path, 6, 'ghi', false, { 'Content-Type': 'text/plain' })
    expect(problemIn(other)).toEqual([415, 'unsupported_media_type'])
    expect(other.headers['accept-patch']).toBe(partialMediaType)
    expect((await stateOf(server, path))[0]).toBe('6')
  })

  it.each([0, 2, 4, 10])(
    '"MUST reject the request with a 409 (Conflict) status code. The response MUST include the correct offset": %i instead of 3',
    async (offset) => {
      const path = await givenUpload(server, 'abc')
      const answers = [
        await append(server, path, offset, 'def', false, { 'Upload-Length': 20 }),
        await append(server, path, offset, 'def', true),
      ]
      for (const answer of answers) {
        expect(typedProblemIn(answer)).toEqual({
          type: 'mismatching-upload-offset',
          title: 'Mismatching Upload Offset',
          status: 409,
          code: 'offset_conflict',
          'expected-offset': 3,
          'provided-offset': offset,
        })
        expect(answer.headers).toMatchObject({ 'upload-offset': '3', 'upload-complete': '?0' })
      }
      expect(await stateOf(server, path)).toEqual(['3', 'undefined', '?0'])
    },
  )

  it.each([
    ['Upload-Offset', ['', '-3', '3.0', '"3"', '3a', '1000000000000003']],
    ['Upload-Complete', ['', '0', '?2', 'true', '?0, ?0']],
  ])('"The request MUST include" %s', async (header, values) => {
    const path = await givenUpload(server, 'abc')
    for (const value of values) {
      const answer = await append(server, path, 3, 'def', false, { [header]: value })
      expect(problemIn(answer)).toEqual([400, 'invalid_request'])
    }
    expect(await stateOf(server, path)).toEqual(['3', 'undefined', '?0'])
  })

  it.each([absent, '/uploads/none'])('of what is not there: %s', async (path) => {
    expect(problemIn(await append(server, path, 0, 'abc', false))).toEqual([404, 'not_found'])
  })

  it.each([
    ['with another length than before', { 'Upload-Length': 7 }, 'd', false],
    ['whose end is not where it was said to be', {}, 'd', true],
    ['whose lengths differ', { 'Upload-Length': 6 }, 'd', true],
    ['that goes past the length', {}, 'defg', false],
  ] as const)(
    '"If multiple requests include indicators, their indicated values MUST match.": %s',
    async (_, headers, body, isLast) => {
      const path = await givenUpload(server, 'abc', { 'Upload-Length': 6 })
      const answer = await append(server, path, 3, body, isLast, headers)
      expect(typedProblemIn(answer)).toEqual({
        type: 'inconsistent-upload-length',
        title: 'Inconsistent Upload Length Values',
        status: 400,
        code: 'invalid_request',
      })
      expect(answer.headers['upload-complete']).toBe('?0')
      expect(await stateOf(server, path)).toEqual(['3', '6', '?0'])
    },
  )

  it('"The server MUST manifest the length"', async () => {
    const path = await givenUpload(server, 'abc')
    expect((await append(server, path, 3, 'd', false, { 'Upload-Length': 6 })).status).toBe(204)
    expect(await stateOf(server, path)).toEqual(['4', '6', '?0'])
  })

  it('"prevent the offset from exceeding the upload length by rejecting the request …, marking the upload resource invalid and rejecting any further interaction with it"', async () => {
    const path = await givenUpload(server, 'abc', { 'Upload-Length': 200 * KiB })
    const answer = await append(server, path, 3, inPieces(sample(300 * KiB)), false)
    expect(typedProblemIn(answer)).toMatchObject({ status: 400, type: 'inconsistent-upload-length' })
    expect(await stateOf(server, path)).toEqual([404])
    await endUploads(server, [])
  })

  it('of more than a file may have', async () => {
    const path = await givenUpload(server, 'abc')
    const refused = await append(server, path, 3, sample(maxFileSize - 2), false)
    expect(problemIn(refused)).toEqual([413, 'too_large'])
    // "A server responding with a 413 … as a result of its upload limits MUST include the
    // Upload-Limit header".
    expect(refused.headers['upload-limit']).toMatch(new RegExp(`^max-size=${maxFileSize}, max-age=`))
    expect((await stateOf(server, path))[0]).toBe('3')
    expect((await append(server, path, 3, sample(maxFileSize - 3), true)).status).toBe(201)
  })

  describe('to what is complete: "the server MUST NOT modify the upload resource and MUST reject the request"', () => {
    it.each([
      ['a zero-length document', 3, '', true, 400, 'completed-upload'],
      ['a zero-length document that is not the last', 3, '', false, 400, 'completed-upload'],
      [
        '"MUST treat this as an inconsistent length failure": more',
        3,
        'def',
        true,
        400,
        'inconsistent-upload-length',
      ],
      ['at another offset', 0, 'abc', true, 409, 'mismatching-upload-offset'],
    ] as const)('%s', async (_, offset, body, isLast, status, type) => {
      const path = await givenUpload(server, 'ab')
      expect((await append(server, path, 2, 'c', true)).status).toBe(201)
      const answer = await append(server, path, offset, body, isLast)
      expect(typedProblemIn(answer)).toMatchObject({ status, type })
      expect(answer.headers['upload-complete']).toBe('?0')
      expect((await fileOf(server, path)).toString()).toBe('abc')
    })
  })

  describe('with digests', () => {
    it('"If the digests don\'t match the server SHOULD consider the transfer failed, not append the content"', async () => {
      const path = await givenUpload(server, 'abc')
      const wrong = await append(server, path, 3, 'def', true, { 'Content-Digest': md5('deF') })
      expect(problemIn(wrong)).toEqual([400, 'digest_mismatch'])
      expect(await stateOf(server, path)).toEqual(['3', 'undefined', '?0'])
      const right = await append(server, path, 3, 'def', true, { 'Content-Digest': md5('def') })
      expect(right.status).toBe(201)
      expect((await fileOf(server, path)).toString()).toBe('abcdef')
    })

    it('of the whole file are refused where they cannot be checked', async () => {
      const path = await givenUpload(server, 'abc')
      const answer = await append(server, path, 3, 'def', true, { 'Repr-Digest': md5('abcdef') })
      expect(problemIn(answer)).toEqual([400, 'invalid_digest'])
      expect((await stateOf(server, path))[0]).toBe('3')
    })
  })

  it('is told to go ahead with its body once nothing speaks against it', async () => {
    const path = await givenUpload(server, 'abc')
    const waiting = { Expect: '100-continue', 'Content-Length': 3 }
    const answers = [
      await append(server, path, 2, 'def', true, waiting),
      await append(server, path, 3, 'def', true, waiting),
    ]
    expect(answers.map(({ status, isContinued }) => [status, isContinued])).toEqual([
      [409, false],
      [201, true],
    ])
  })
})

it.each([
  ['all at once', (body: Buffer) => body],
  ['in pieces', (body: Buffer) => inPieces(body)],
])('of clients that race to append %s exactly one does', async (_, sent) => {
  for (let round = 0; round < 5; round++) {
    const bodies = [sample(300 * KiB), sample(300 * KiB), sample(300 * KiB)]
    const path = await givenUpload(server)
    const answers = await Promise.all(bodies.map((body) => append(server, path, 0, sent(body), true)))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 409, 409])
    const winner = bodies[statuses.indexOf(201)]!
    expect((await fileOf(server, path)).equals(winner)).toBe(true)
  }
})

describe('HEAD', () => {
  it.each([
    ['MUST include the offset in the Upload-Offset header field', '', {}, ['0', 'undefined', '?0']],
    ['MUST include the completeness state', 'abc', {}, ['3', 'undefined', '?0']],
    [
      'MUST include the length in the Upload-Length header field',
      'abc',
      { 'Upload-Length': 9 },
      ['3', '9', '?0'],
    ],
  ])('"%s"', async (_, bytes, headers, state) => {
    const path = await givenUpload(server, bytes, headers)
    const answer = await draft(server, 'HEAD', path)
    expect(await stateOf(server, path)).toEqual(state)
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'cache-control': 'no-store',
        'upload-limit': expect.stringMatching(`^max-size=${maxFileSize}, max-age=(60|5.)$`),
      },
    })
  })

  it('of what is complete says where the file is', async () => {
    const path = await givenUpload(server, 'abc')
    await append(server, path, 3, '', true)
    const headers = { 'upload-complete': '?1', 'content-location': `/files/@${idIn(path)}` }
    expect(await draft(server, 'HEAD', path)).toMatchObject({ status: 204, headers })
    expect(await stateOf(server, path)).toEqual(['3', '3', '?1'])
  })

  it.each([absent, '/uploads/none'])('of what is not there: %s', async (path) => {
    const { status, headers } = await draft(server, 'HEAD', path)
    expect([status, headers['cache-control']]).toEqual([404, 'no-store'])
    expect(headers).not.toHaveProperty('upload-offset')
  })
})

describe('DELETE', () => {
  it('"the server SHOULD deactivate the upload resource"', async () => {
    const path = await givenUpload(server, sample(300 * KiB))
    expect((await draft(server, 'DELETE', path)).status).toBe(204)
    expect(await unfinished(server)).toEqual([])
    expect(await stateOf(server, path)).toEqual([404])
    expect(problemIn(await draft(server, 'DELETE', path))).toEqual([404, 'not_found'])
  })

  it('of one that is a file forgets only the upload', async () => {
    const path = await givenUpload(server, 'abc')
    await append(server, path, 3, '', true)
    expect((await draft(server, 'DELETE', path)).status).toBe(204)
    expect((await fileOf(server, path)).toString()).toBe('abc')
  })
})

describe('OPTIONS', () => {
  it.each(['/uploads', absent, '/files/any/name'])(
    '"MUST include the Accept-Patch header field in response to an OPTIONS request": %s',
    async (path) => {
      const { status, headers } = await draft(server, 'OPTIONS', path)
      expect([200, 204]).toContain(status)
      expect(headers).toMatchObject({
        'accept-patch': partialMediaType,
        'upload-limit': `max-size=${maxFileSize}, max-age=60`,
      })
    },
  )

  it.each([
    [{ maxFileSize: Infinity }, 'max-age=60'],
    [{ maxFileSize: 1e15 }, 'max-age=60'],
    [{ maxFileSize: 1e15 - 1, uploadExpiryMs: 1999 }, 'max-size=999999999999999, max-age=1'],
  ])('says no limit that is none: %j', async (options, limit) => {
    const other = await openTestServer(options)
    expect((await draft(other, 'OPTIONS', '/uploads')).headers['upload-limit']).toBe(limit)
    await other.stop()
  })

  it.each(['/files', '/api/files', '/uploadsx'])('is silent elsewhere: %s', async (path) => {
    const { headers } = await draft(server, 'OPTIONS', path)
    expect(headers).not.toHaveProperty('upload-limit')
  })
})

it('nobody starts without Upload-Complete', async () => {
  expect(problemIn(await draft(server, 'POST', '/uploads', {}, 'abc'))).toEqual([400, 'invalid_request'])
})
