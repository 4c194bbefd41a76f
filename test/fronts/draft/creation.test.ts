import { createHash } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { problemIn } from '../../http/refused.ts'
import { withoutBody } from '../../http/without-body.ts'
import { digestOf, get, given, infoIn, inPieces, KiB, put, sample } from '../../http/sample.ts'
import { endUploads, fileOf, locationIn, tus } from '../tus/tus-client.ts'
import { append, draft, givenUpload, stateOf, typedProblemIn } from './draft-client.ts'

const absent = '/uploads/01890a5d-ac96-774b-bcce-b302099a8057'
const maxFileSize = 1024 * KiB
const bytes = sample(300 * KiB)
/** The last part of a minute has begun. */
const limit = new RegExp(`^max-size=${maxFileSize}, max-age=(?:60|5\\d)$`)

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ maxFileSize })
  return server.stop
})

afterEach(() => endUploads(server))

function sha256(body: Buffer): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

describe('"If the request content was fully received, no resumable upload is needed and the resource proceeds to process the request and generate a response."', () => {
  it.each([
    ['with its length', {}, (body: Buffer) => body],
    ['chunked', {}, (body: Buffer) => inPieces(body)],
    ['chunked, with Upload-Length', { 'Upload-Length': bytes.length }, (body: Buffer) => inPieces(body)],
    ['to a client that takes no 104', { 'Upload-Draft-Interop-Version': '7' }, (body: Buffer) => body],
    [
      'with digests',
      { 'Repr-Digest': sha256(bytes), 'Content-Digest': sha256(bytes) },
      (body: Buffer) => body,
    ],
  ])('PUT %s is answered as a PUT is', async (how, headers, sent) => {
    const path = `/files/whole/${encodeURIComponent(how)}.txt`
    for (const status of [201, 200]) {
      const answer = await draft(server, 'PUT', path, { 'Upload-Complete': '?1', ...headers }, sent(bytes))
      const info = infoIn(answer)
      expect(answer).toMatchObject({
        status,
        headers: { location: `/files/@${info.id}`, etag: info.etag, 'upload-complete': '?1' },
      })
      expect(info).toMatchObject({
        name: `whole/${how}.txt`,
        size: bytes.length,
        mediaType: 'text/plain',
        digest: digestOf(bytes, 128 * KiB),
      })
      expect((await get(server, `@${info.id}`)).body.equals(bytes)).toBe(true)
    }
    await endUploads(server, [])
  })

  it('PUT keeps the metadata of Upload-Metadata as a plain PUT does', async () => {
    const headers = { 'Upload-Complete': '?1', 'Upload-Metadata': 'place S8OkZmln' }
    const answer = await draft(server, 'PUT', '/files/described', headers, bytes)
    expect(answer.json()).toMatchObject({ name: 'described', metadata: { place: 'Käfig' } })
  })

  it.each([
    [{ 'Content-Disposition': 'inline; filename="a b.jpg"' }, 'a b.jpg', 'image/jpeg'],
    [
      { 'Content-Disposition': `attachment; filename="x"; filename*=UTF-8''f%C3%BCr.txt` },
      'für.txt',
      'text/plain',
    ],
    [
      { 'Content-Disposition': 'inline; filename="a.jpg"', 'Content-Type': 'text/x-mine' },
      'a.jpg',
      'text/x-mine',
    ],
    [{}, undefined, 'application/octet-stream'],
    [{ 'Content-Disposition': 'inline' }, undefined, 'application/octet-stream'],
  ])(
    '"The Content-Disposition header field can be used to transmit a filename.": POST %j',
    async (headers, name, mediaType) => {
      const answer = await draft(server, 'POST', '/uploads', { 'Upload-Complete': '?1', ...headers }, 'abc')
      const info = infoIn(answer)
      expect(info).toMatchObject({ name: name ?? info.id, mediaType, size: 3 })
    },
  )

  it('"The request content can be empty. If the Upload-Complete header field is then set to true, the client intends to upload an empty representation."', async () => {
    const answer = await draft(server, 'PUT', '/files/empty', { 'Upload-Complete': '?1' })
    expect([answer.status, infoIn(answer).size]).toEqual([201, 0])
  })
})

describe('"Servers are RECOMMENDED to use the 201 (Created) status code."', () => {
  it.each([
    ['PUT', '/files/begun', 'abc', {}, ['3', 'undefined', '?0']],
    ['PUT', '/files/begun', '', {}, ['0', 'undefined', '?0']],
    ['POST', '/uploads', 'abc', { 'Upload-Length': '10' }, ['3', '10', '?0']],
    [
      'POST',
      '/uploads',
      'abc',
      { 'Upload-Length': '10', 'Upload-Draft-Interop-Version': '6' },
      ['3', '10', '?0'],
    ],
    ['POST', '/uploads', 'abc', { 'Upload-Length': '3;x=y' }, ['3', '3', '?0']],
    // "Other values MUST cause the entire header field to be ignored."
    ['POST', '/uploads', 'abc', { 'Upload-Length': '-3' }, ['3', 'undefined', '?0']],
    ['POST', '/uploads', 'abc', { 'Upload-Length': '10.0' }, ['3', 'undefined', '?0']],
    ['POST', '/uploads', 'abc', { 'Upload-Length': '1000000000000000' }, ['3', 'undefined', '?0']],
  ])(
    '"MUST include the Location response header field pointing to the upload resource": %s %s %j %j',
    async (method, at, body, headers, state) => {
      const answer = await draft(server, method, at, { 'Upload-Complete': '?0', ...headers }, body)
      expect(answer).toMatchObject({
        status: 201,
        headers: { 'upload-complete': '?0', 'upload-limit': expect.stringMatching(limit) },
        body: Buffer.alloc(0),
      })
      expect(await stateOf(server, locationIn(answer))).toEqual(state)
      expect((await get(server, 'begun')).status).toBe(404)
    },
  )

  it('the last part makes it what the first request wanted', async () => {
    const headers = { 'Upload-Complete': '?0', 'Content-Type': 'text/x-mine' }
    const path = locationIn(await draft(server, 'PUT', '/files/in/parts', headers, bytes.subarray(0, 9)))
    const answer = await append(server, path, 9, bytes.subarray(9), true)
    expect(answer).toMatchObject({ status: 201, headers: { 'upload-complete': '?1' } })
    expect(infoIn(answer)).toMatchObject({ name: 'in/parts', mediaType: 'text/x-mine', size: bytes.length })
  })
})

it.each(['?2', 'true', '1', '', '?1, ?1'])(
  '"Other values MUST cause the entire header field to be ignored.": a PUT with Upload-Complete %j is a plain one',
  async (value) => {
    const answer = await draft(server, 'PUT', '/files/plain', { 'Upload-Complete': value }, 'abc')
    expect(answer.headers).not.toHaveProperty('upload-complete')
    expect(infoIn(answer)).toMatchObject({ name: 'plain', size: 3 })
    const post = await draft(server, 'POST', '/uploads', { 'Upload-Complete': value }, 'abc')
    expect(problemIn(post)).toEqual([400, 'invalid_request'])
  },
)

describe('a part that is sent as an older draft has it is refused with the supported version', () => {
  it.each([
    ['PUT', '/files/old', { 'Upload-Incomplete': '?1' }],
    ['PUT', '/files/old', { 'Upload-Incomplete': '1' }],
    ['POST', '/uploads', { 'Upload-Incomplete': '?1' }],
    ['PATCH', absent, { 'Upload-Incomplete': '?1', 'Upload-Offset': '0' }],
  ])('%s %s %j', async (method, path, headers) => {
    const sent = { 'Upload-Draft-Interop-Version': '3', ...headers }
    const answer = await draft(server, method, path, sent, 'hel')
    expect(problemIn(answer)).toEqual([400, 'invalid_request'])
    expect(answer.headers['upload-draft-interop-version']).toBe('8')
    expect((await get(server, 'old')).status).toBe(404)
    await endUploads(server, [])
  })

  it('but not a whole file', async () => {
    const headers = { 'Upload-Draft-Interop-Version': '3', 'Upload-Incomplete': '?0' }
    const answer = await draft(server, 'PUT', '/files/old', headers, 'hello')
    expect([answer.status, infoIn(answer).size]).toEqual([201, 5])
  })

  it.each(['4', '5', '6', '7'])('a part of interop version %s never becomes the file', async (version) => {
    const headers = { 'Upload-Draft-Interop-Version': version, 'Upload-Complete': '?0' }
    const answer = await draft(server, 'PUT', '/files/part', headers, 'hel')
    expect([answer.status, answer.headers['upload-complete']]).toEqual([201, '?0'])
    expect((await get(server, 'part')).status).toBe(404)
  })
})

describe('a file of which the request has no body is refused', () => {
  it.each([
    ['PUT', '/files/without'],
    ['POST', '/uploads'],
  ])('%s %s', async (method, path) => {
    const headers = { 'Upload-Complete': '?1' }
    expect(problemIn(await withoutBody(server, method, path, headers))).toEqual([411, 'length_required'])
    await endUploads(server, [])
  })
})

describe('leaves nothing when it is refused:', () => {
  const long = sample(9)

  it.each([
    ['a wrong Repr-Digest', '?1', { 'Repr-Digest': sha256(bytes) }, [400, 'digest_mismatch']],
    ['a wrong Content-Digest', '?1', { 'Content-Digest': sha256(bytes) }, [400, 'digest_mismatch']],
    ['a wrong Content-Digest of a part', '?0', { 'Content-Digest': sha256(bytes) }, [400, 'digest_mismatch']],
    ['a Repr-Digest of a part', '?0', { 'Repr-Digest': sha256(long) }, [400, 'invalid_digest']],
    ['a digest that is none', '?1', { 'Content-Digest': 'none' }, [400, 'invalid_digest']],
    ['a coding', '?1', { 'Content-Encoding': 'gzip' }, [415, 'unsupported_media_type']],
    ['a range', '?1', { 'Content-Range': 'bytes 0-8/9' }, [400, 'invalid_request']],
    ['too long a file', '?0', { 'Upload-Length': maxFileSize + 1 }, [413, 'too_large']],
    ['a file that must be there', '?1', { 'If-Match': '*' }, [412, 'precondition_failed']],
  ] as const)('%s, Upload-Complete: %s', async (_, complete, headers, refusal) => {
    const answer = await draft(
      server,
      'PUT',
      '/files/refused',
      { 'Upload-Complete': complete, ...headers },
      long,
    )
    expect(problemIn(answer)).toEqual(refusal)
    expect(answer.headers).not.toHaveProperty('location')
    await endUploads(server, [])
    expect((await get(server, 'refused')).status).toBe(404)
  })

  it.each(['..', 'a//b', '@x'])('the name %s', async (name) => {
    const headers = { 'Upload-Complete': '?0', 'Content-Disposition': `inline; filename="${name}"` }
    expect(problemIn(await draft(server, 'POST', '/uploads', headers, 'x'))).toEqual([400, 'invalid_name'])
  })

  it('a name that is not UTF-8', async () => {
    const headers = { 'Upload-Complete': '?0', 'Content-Disposition': "inline; filename*=UTF-8''%FF" }
    expect(problemIn(await draft(server, 'POST', '/uploads', headers, 'x'))).toEqual([400, 'invalid_name'])
  })

  it.each([
    ['Upload-Length says more than Content-Length', { 'Upload-Length': 10 }, () => long],
    ['Upload-Length says less', { 'Upload-Length': 8 }, () => long],
    ['a chunked body has less than Upload-Length', { 'Upload-Length': 10 }, () => inPieces(long)],
    ['a chunked body has more', { 'Upload-Length': 8 }, () => inPieces(long)],
  ])('"their indicated lengths MUST match": %s', async (_, headers, body) => {
    const answer = await draft(
      server,
      'PUT',
      '/files/refused',
      { 'Upload-Complete': '?1', ...headers },
      body(),
    )
    expect(typedProblemIn(answer)).toMatchObject({
      type: 'inconsistent-upload-length',
      status: 400,
      code: 'invalid_request',
    })
    expect(answer.headers['upload-complete']).toBe('?0')
    await endUploads(server, [])
  })

  it('more than any file may have, although nobody said so', async () => {
    const body = inPieces(sample(maxFileSize + 1))
    const answer = await draft(server, 'PUT', '/files/refused', { 'Upload-Complete': '?1' }, body)
    expect(problemIn(answer)).toEqual([413, 'too_large'])
    // "A server responding with a 413 … as a result of its upload limits MUST include the
    // Upload-Limit header".
    expect(answer.headers['upload-limit']).toMatch(limit)
    await endUploads(server, [])
  })

  it('as much as a file may have is none of these', async () => {
    const body = inPieces(sample(maxFileSize))
    expect((await draft(server, 'PUT', '/files/full', { 'Upload-Complete': '?1' }, body)).status).toBe(201)
  })
})

describe('"according to the method and header fields in the initial request": a precondition', () => {
  it('holds until the last part', async () => {
    await given(server, 'old', 'old')
    const headers = { 'Upload-Complete': '?0', 'If-None-Match': '*' }
    const path = locationIn(await draft(server, 'PUT', '/files/new', headers, 'abc'))
    await put(server, 'new', 'somebody else')
    const answer = await append(server, path, 3, 'def', true)
    expect(problemIn(answer)).toEqual([412, 'precondition_failed'])
    expect(answer.headers['upload-complete']).toBe('?1')
    expect((await get(server, 'new')).body.toString()).toBe('somebody else')
  })

  it('is about the file that was there', async () => {
    const { etag } = await given(server, 'guarded', 'one')
    const headers = { 'Upload-Complete': '?0', 'If-Match': etag }
    const path = locationIn(await draft(server, 'PUT', '/files/guarded', headers, 'tw'))
    expect((await append(server, path, 2, 'o', true)).status).toBe(200)
    expect((await get(server, 'guarded')).body.toString()).toBe('two')
  })

  it('may come with the last part, too', async () => {
    await given(server, 'taken', 'one')
    const path = locationIn(await draft(server, 'PUT', '/files/taken', { 'Upload-Complete': '?0' }, 'tw'))
    const answer = await append(server, path, 2, 'o', true, { 'If-None-Match': '*' })
    expect(problemIn(answer)).toEqual([412, 'precondition_failed'])
    expect(await stateOf(server, path)).toEqual(['2', 'undefined', '?0'])
  })
})

describe('beside tus', () => {
  it('who says Tus-Resumable means tus', async () => {
    const headers = { 'Upload-Complete': '?1', 'Upload-Length': '3' }
    const answer = await tus(server, 'POST', '/uploads', headers)
    expect(answer.headers).not.toHaveProperty('upload-complete')
    expect(answer.headers['upload-offset']).toBe('0')
  })

  it('an upload of tus can be continued and completed', async () => {
    const created = await tus(server, 'POST', '/uploads', { 'Upload-Length': '6' })
    const path = locationIn(created)
    expect((await append(server, path, 0, 'abc', false)).status).toBe(204)
    const expected = { status: 201, headers: { 'upload-complete': '?1' } }
    expect(await append(server, path, 3, 'def', true)).toMatchObject(expected)
    expect((await fileOf(server, path)).toString()).toBe('abcdef')
  })

  it('a part for tus to join cannot', async () => {
    const headers = { 'Upload-Length': '6', 'Upload-Concat': 'partial' }
    const path = locationIn(await tus(server, 'POST', '/uploads', headers))
    expect(problemIn(await append(server, path, 0, 'abcdef', true))).toEqual([403, 'forbidden'])
  })

  it('tus continues what was begun here, and completes it at its size', async () => {
    const path = await givenUpload(server, 'abc', { 'Upload-Length': 6 })
    const headers = { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '3' }
    expect((await tus(server, 'PATCH', path, headers, 'def')).status).toBe(204)
    expect(await stateOf(server, path)).toEqual(['6', '6', '?1'])
    expect((await fileOf(server, path)).toString()).toBe('abcdef')
  })

  describe('tus keeps to the precondition that an upload was begun with here', () => {
    const go = { 'Content-Type': 'application/offset+octet-stream' }
    const failed = [412, 'precondition_failed']

    it('before it takes more bytes', async () => {
      const path = await overtaken('early')
      const answer = await tus(server, 'PATCH', path, { ...go, 'Upload-Offset': '3' }, 'def')
      expect(problemIn(answer)).toEqual(failed)
      expect(await stateOf(server, path)).toEqual(['3', '6', '?0'])
    })

    it('when all bytes are there, also for who only asks how far it is', async () => {
      const path = await overtaken('late')
      expect((await append(server, path, 3, 'def', false)).status).toBe(204)
      expect((await tus(server, 'HEAD', path)).headers).not.toHaveProperty('content-location')
      const end = { ...go, 'Upload-Offset': '6' }
      expect(problemIn(await tus(server, 'PATCH', path, end))).toEqual(failed)
      expect((await get(server, 'late')).body.toString()).toBe('somebody else')
    })

    it('unless the request that completes it demands something else', async () => {
      const path = await overtaken('otherwise')
      expect((await append(server, path, 3, 'def', false)).status).toBe(204)
      const end = { ...go, 'Upload-Offset': '6', 'If-None-Match': `"${'0'.repeat(64)}"` }
      expect((await tus(server, 'PATCH', path, end)).status).toBe(204)
      expect((await get(server, 'otherwise')).body.toString()).toBe('abcdef')
    })
  })
})

/** Has its first bytes, and meanwhile somebody else has come before it. */
async function overtaken(name: string): Promise<string> {
  const headers = { 'Upload-Complete': '?0', 'Upload-Length': 6, 'If-None-Match': '*' }
  const path = locationIn(await draft(server, 'PUT', `/files/${name}`, headers, 'abc'))
  await put(server, name, 'somebody else')
  return path
}
