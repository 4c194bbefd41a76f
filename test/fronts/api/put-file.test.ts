import { once } from 'node:events'
import { Agent } from 'node:http'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { refused } from '../../http/refused.ts'
import { digestOf, get, given, infoIn, inPieces, KiB, MiB, put, sample } from '../../http/sample.ts'
import { settled } from '../../http/settled.ts'
import { withoutBody } from '../../http/without-body.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(() => settled(server))

it('without a body is refused, and does not empty the file that is there', async () => {
  await given(server, 'emptied', 'content')
  expect(await refused(server, () => withoutBody(server, 'PUT', '/files/emptied'))).toMatchObject({
    refusal: [411, 'length_required'],
  })
  expect((await get(server, 'emptied')).body.toString()).toBe('content')
  const answer = await put(server, 'emptied', '', { 'Content-Length': 0 })
  expect([answer.status, infoIn(answer).size]).toEqual([200, 0])
})

describe('a body that says that it is a part is refused', () => {
  it.each([
    [{ 'Upload-Incomplete': '?1' }],
    [{ 'Upload-Offset': '5' }],
    [{ 'Upload-Length': '100' }],
    [{ 'Content-Range': 'bytes 0-2/5' }],
  ])('%j', async (headers) => {
    const send = () => put(server, 'part', 'hel', headers)
    expect(await refused(server, send)).toMatchObject({ refusal: [400, 'invalid_request'] })
  })
})

it.each(['', 'foo', 'null', 'text/', 'image'])(
  'with %j as its Content-Type is stored as application/octet-stream',
  async (type) => {
    expect(await given(server, 'a.txt', 'x', { 'Content-Type': type })).toMatchObject({
      mediaType: 'application/octet-stream',
    })
  },
)

it('is answered with JSON that ends in a newline', async () => {
  expect((await put(server, 'line', 'x')).body.toString()).toMatch(/^\{.*\}\n$/)
  for (const path of ['/api/files', '/api/files/line', '/api/files/line?chunks=1', '/healthz']) {
    const answer = await request(server, 'GET', path)
    expect(answer.body.toString()).toMatch(/^\{.*\}\n$/)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  }
})

describe('a new file', () => {
  it('is answered with 201, its address, its tag and all that is known of it', async () => {
    const body = sample(300 * KiB)
    const answer = await put(server, 'new/file.txt', body)
    const digest = digestOf(body, 128 * KiB)
    const { id } = infoIn(answer)
    expect(answer.status).toBe(201)
    expect(answer.json()).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'new/file.txt',
      size: body.length,
      mediaType: 'text/plain',
      digest,
      etag: `"${digest}"`,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      modifiedAt: infoIn(answer).createdAt,
      metadata: {},
    })
    expect(answer.headers).toMatchObject({ location: `/files/@${id}`, etag: `"${digest}"` })
    expect((await request(server, 'GET', `/files/@${id}`)).body.equals(body)).toBe(true)
  })

  it('keeps the metadata of Upload-Metadata, with every key that it has', async () => {
    const metadata = 'filename eA==,mode NjQ0,place S8OkZmln,empty'
    const answer = await put(server, 'described', 'x', { 'Upload-Metadata': metadata })
    expect(answer.json()).toMatchObject({
      name: 'described',
      metadata: { filename: 'x', mode: '644', place: 'Käfig', empty: '' },
    })
  })

  it.each(['a b c', 'a eA==,a eA==', 'a *', `a ${'eHh4'.repeat(700)}`])(
    'is refused with the Upload-Metadata %j',
    async (metadata) => {
      const answer = await put(server, 'refused', 'x', { 'Upload-Metadata': metadata })
      expect(answer).toMatchObject({ status: 400 })
      expect(answer.json()).toMatchObject({ code: 'invalid_metadata' })
      expect((await get(server, 'refused')).status).toBe(404)
    },
  )

  it('replaces the one behind its name with 200 and an id of its own', async () => {
    const first = await given(server, 'replaced')
    const answer = await put(server, 'replaced', 'second')
    expect(answer.status).toBe(200)
    expect(infoIn(answer).id).not.toBe(first.id)
    expect((await get(server, 'replaced')).body.toString()).toBe('second')
    expect((await get(server, `@${first.id}`)).status).toBe(404)
  })
})

describe.each([
  { chunkSize: 128 * KiB, name: 'chunks of an eighth of a block' },
  { chunkSize: 2 * MiB + 512 * KiB, name: 'chunks of two and a half blocks' },
])('cut into $name', ({ chunkSize }) => {
  let cutting: TestServer
  beforeAll(async () => {
    cutting = await openTestServer({ chunkSize })
    return cutting.stop
  })
  afterEach(() => settled(cutting))

  describe.each([
    ['with a Content-Length', (body: Buffer) => body],
    ['chunked', (body: Buffer) => inPieces(body)],
  ])('%s', (_, sent) => {
    it.each([
      ['nothing', 0],
      ['a byte', 1],
      ['a piece', 64 * KiB],
      ['a chunk less a byte', chunkSize - 1],
      ['a chunk', chunkSize],
      ['a chunk and a byte', chunkSize + 1],
      ['a block less a byte', MiB - 1],
      ['a block', MiB],
      ['a block and a byte', MiB + 1],
      ['several chunks', 3 * chunkSize + 4321],
    ])('%s comes back as it was sent', async (name, size) => {
      const body = sample(size)
      const answer = await put(cutting, encodeURIComponent(name), sent(body))
      expect(answer.json()).toMatchObject({ size, digest: digestOf(body, chunkSize) })
      expect((await get(cutting, encodeURIComponent(name))).body.equals(body)).toBe(true)
    })
  })
})

it('takes more chunks than the catalog does at once', async () => {
  const small = await startTestServer({ chunkSize: 4 * KiB })
  const body = sample(130 * 4 * KiB + 1)
  expect(infoIn(await put(small, 'many', body)).digest).toBe(digestOf(body, 4 * KiB))
  expect((await get(small, 'many')).body.equals(body)).toBe(true)
  expect(await settled(small)).toHaveLength(1)
})

it('takes the coding that is none', async () => {
  expect((await put(server, 'plain', 'body', { 'Content-Encoding': 'identity' })).status).toBe(201)
})

describe('is refused', () => {
  const encoded = { 'Content-Encoding': 'gzip' }
  const part = { 'Content-Range': 'bytes 0-5/10' }
  const expecting = { Expect: '100-continue' }

  it.each([
    ['in a coding', encoded, [415, 'unsupported_media_type']],
    ['in two codings', { 'Content-Encoding': 'identity, br' }, [415, 'unsupported_media_type']],
    ['as a part', part, [400, 'invalid_request']],
  ] as const)('%s, whether or not its body is waited for', async (_, headers, refusal) => {
    const body = sample(300 * KiB)
    expect(await refused(server, () => put(server, 'refused', body, headers))).toMatchObject({ refusal })
    const early = { ...headers, ...expecting, 'Content-Length': body.length }
    expect(await refused(server, () => put(server, 'refused', body, early))).toMatchObject({
      refusal,
      isContinued: false,
    })
  })

  it('tells which coding would do', async () => {
    const answer = await put(server, 'refused', 'body', encoded)
    expect(answer.headers['accept-encoding']).toBe('identity')
  })
})

it('is told to go ahead with its body once nothing speaks against it', async () => {
  const body = sample(300 * KiB)
  const answer = await put(server, 'asked', body, { Expect: '100-continue', 'Content-Length': body.length })
  expect(answer).toMatchObject({ status: 201, isContinued: true })
  expect((await get(server, 'asked')).body.equals(body)).toBe(true)
})

describe('larger than any may be', () => {
  const maxFileSize = 200 * KiB
  let limited: TestServer
  beforeAll(async () => {
    limited = await openTestServer({ maxFileSize })
    return limited.stop
  })

  it('is refused before its body, where that waits', async () => {
    const headers = { Expect: '100-continue', 'Content-Length': maxFileSize + 1 }
    const body = sample(maxFileSize + 1)
    const answer = await refused(limited, () => put(limited, 'large', body, headers))
    expect(answer).toMatchObject({ refusal: [413, 'too_large'] })
    expect(answer.isContinued).toBe(false)
  })

  it.each([
    ['with a Content-Length', sample(8 * MiB)],
    ['chunked, once it is too long', inPieces(sample(8 * MiB))],
  ])('is refused %s, in an answer that the client sees', async (_, body) => {
    const begun = performance.now()
    expect(await refused(limited, () => put(limited, 'large', body))).toMatchObject({
      refusal: [413, 'too_large'],
    })
    // What still comes is thrown away, not left to block the client until the server loses its
    // patience.
    expect(performance.now() - begun).toBeLessThan(3000)
  })

  it.each([
    ['with a Content-Length', (body: Buffer) => body],
    ['chunked', (body: Buffer) => inPieces(body)],
  ])('begins one byte later, %s', async (_, sent) => {
    const body = sample(maxFileSize)
    expect((await put(limited, 'largest', sent(body))).status).toBeLessThan(300)
  })
})

it('a connection serves one request after the other', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = (method: string, body?: Buffer) =>
    request(server, method, '/files/kept', { agent, ...(body && { body }) })
  for (const size of [0, 1, 200 * KiB]) {
    const body = sample(size)
    expect((await send('PUT', body)).status).toBeLessThan(300)
    expect((await send('HEAD')).headers['content-length']).toBe(String(size))
    expect((await send('GET')).body.equals(body)).toBe(true)
  }
  const [socket] = Object.values(agent.freeSockets).flat()
  agent.destroy()
  await once(socket!, 'close')
})
