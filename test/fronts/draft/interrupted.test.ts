import { createHash } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { pieceBytes } from '../../../src/files/state/file-store.ts'
import { defaultSpace, type FileId } from '../../../src/model/file.ts'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient, type RawAnswer } from '../../robustness/raw-client.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { get, inPieces, KiB, sample } from '../../http/sample.ts'
import { endUploads, fileOf, idIn, unfinished } from '../tus/tus-client.ts'
import { append, draft, givenUpload, stateOf } from './draft-client.ts'

const chunkSize = 128 * KiB
const bytes = sample(500 * KiB)
const version = 'Upload-Draft-Interop-Version: 8'
const length = `Content-Length: ${bytes.length}`
const contentDigest = `Content-Digest: md5=:${createHash('md5').update(bytes).digest('base64')}:`
const reprDigest = contentDigest.replace('Content', 'Repr')

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  return server.stop
})

afterEach(() => endUploads(server))

/** Sends the head of a request, and its first bytes. */
async function begun(request: string, fields: readonly string[], sent = 0): Promise<RawClient> {
  const client = await RawClient.open(server.port)
  await client.send(head(request, ...fields))
  await client.send(bytes.subarray(0, sent))
  return client
}

/** Where the upload is, which a 104 says. */
function locationIn({ status, headers }: RawAnswer): string {
  expect(status).toBe(104)
  expect(headers).toMatchObject({
    'upload-draft-interop-version': '8',
    'upload-limit': expect.stringMatching(/^max-age=\d+$/),
  })
  return headers['location']!
}

/** Resolves when all that was sent has been taken. */
async function taken(path: string, sent: number): Promise<void> {
  const rest = sent % chunkSize
  await eventually(async () => {
    const upload = (await server.store.catalog.findUpload(defaultSpace, idIn(path) as FileId))!
    expect(upload.offset).toBe(sent - rest)
    expect(server.store.pool.leasedBytes).toBe(Math.ceil(rest / pieceBytes) * pieceBytes)
  })
}

const whole = ['Upload-Complete: ?1', version, length]

describe.each([
  ['PUT /files/name', 'name', whole],
  ['POST /uploads', 'name', [...whole, 'Content-Disposition: inline; filename="name"']],
  ['PUT /files/name', 'name', ['Upload-Complete: ?0', version, length]],
])('%s', (request, name, fields) => {
  describe.each([
    ['closed', (client: RawClient) => client.socket.destroy()],
    ['reset', (client: RawClient) => client.socket.resetAndDestroy()],
  ])('that is %s', (_, cut) => {
    it.each([0, 1, chunkSize, 3 * chunkSize + 5, bytes.length - 1])(
      '"SHOULD append as much of the request content as possible to the upload resource, allowing the client to resume": after %i bytes',
      async (sent) => {
        const client = await begun(request, fields, sent)
        const path = locationIn(await client.answer())
        await taken(path, sent)
        cut(client)
        await eventually(() => expect(server.store.receiving.size).toBe(0))
        const [offset, , isComplete] = await stateOf(server, path)
        expect(isComplete).toBe('?0')
        expect(Number(offset)).toBeLessThanOrEqual(sent)
        expect(Number(offset)).toBeGreaterThan(sent - pieceBytes)
        const rest = bytes.subarray(Number(offset))
        const answer = await append(server, path, Number(offset), rest, true)
        expect(answer).toMatchObject({ headers: { 'upload-complete': '?1' } })
        expect((await get(server, name)).body.equals(bytes)).toBe(true)
        await endUploads(server, [])
      },
    )
  })
})

describe('leaves nothing of a PUT that breaks off', () => {
  it.each([
    ['and whose client has heard of no upload', ['Upload-Complete: ?1', length]],
    [
      'and whose client speaks another version',
      ['Upload-Complete: ?1', 'Upload-Draft-Interop-Version: 7', length],
    ],
    ['and that alone could be held to its digest', [...whole, reprDigest]],
  ])('%s', async (_, fields) => {
    const client = await begun('PUT /files/broken', fields, 300 * KiB)
    await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(0))
    expect(client.length).toBe(0)
    client.socket.destroy()
    await eventually(async () => expect(await unfinished(server)).toEqual([]))
    await endUploads(server, [])
  })

  it('with a Content-Digest, but the upload', async () => {
    const client = await begun('PUT /files/digested', [...whole, contentDigest], 300 * KiB)
    const path = locationIn(await client.answer())
    await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(0))
    client.socket.destroy()
    await eventually(() => expect(server.store.receiving.size).toBe(0))
    expect(await stateOf(server, path)).toEqual(['0', String(bytes.length), '?0'])
    expect((await append(server, path, 0, bytes, true)).status).toBe(201)
  })
})

it('"The upload resource MUST NOT be considered complete then": all bytes came, but not the end', async () => {
  const path = await givenUpload(server, '', { 'Upload-Length': 5 })
  const fields = ['Upload-Complete: ?1', 'Upload-Offset: 0', 'Content-Type: application/partial-upload']
  const client = await begun(`PATCH ${path}`, [...fields, 'Transfer-Encoding: chunked'])
  await client.send('5\r\nhello\r\n')
  await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(0))
  client.socket.destroy()
  await eventually(() => expect(server.store.receiving.size).toBe(0))
  expect(await stateOf(server, path)).toEqual(['5', '5', '?0'])
  expect((await append(server, path, 5, '', true)).status).toBe(201)
  expect((await fileOf(server, path)).toString()).toBe('hello')
})

describe('while a dead connection still hangs', () => {
  it('"terminating the previous request before processing the new request": HEAD', async () => {
    const dead = await begun('PUT /files/dead', whole, 300 * KiB)
    const path = locationIn(await dead.answer())
    await taken(path, 300 * KiB)
    const [offset] = await stateOf(server, path)
    expect(Number(offset)).toBeGreaterThan(300 * KiB - pieceBytes)
    expect((await append(server, path, Number(offset), bytes.subarray(Number(offset)), true)).status).toBe(
      201,
    )
    expect((await get(server, 'dead')).body.equals(bytes)).toBe(true)
    let last = await dead.answer()
    while (last.status === 104) last = await dead.answer()
    expect(last).toMatchObject({ status: 400, headers: { 'upload-complete': '?0', location: path } })
    dead.socket.destroy()
  })

  it('DELETE ends it, too', async () => {
    const dead = await begun('PUT /files/dead2', whole, 300 * KiB)
    const path = locationIn(await dead.answer())
    expect((await draft(server, 'DELETE', path)).status).toBe(204)
    await endUploads(server, [])
    dead.socket.destroy()
  })

  it('nobody takes over who does not ask for the offset', async () => {
    const alive = await begun('PUT /files/alive', whole, 300 * KiB)
    const path = locationIn(await alive.answer())
    await taken(path, 300 * KiB)
    for (const offset of [0, 300 * KiB]) {
      expect((await append(server, path, offset, 'more', true)).status).toBe(409)
    }
    await alive.send(bytes.subarray(300 * KiB))
    let last = await alive.answer()
    while (last.status === 104) last = await alive.answer()
    expect(last.status).toBe(201)
    alive.socket.destroy()
    expect((await get(server, 'alive')).body.equals(bytes)).toBe(true)
  })
})

describe('104 (Upload Resumption Supported)', () => {
  it('"to inform the client about the upload progress", and "MUST NOT include the Location header field"', async () => {
    const path = await givenUpload(server)
    const fields = ['Upload-Offset: 0', 'Content-Type: application/partial-upload', ...whole]
    const client = await begun(`PATCH ${path}`, fields)
    let sent = 0
    for (const end of [2 * chunkSize, 3 * chunkSize + 1]) {
      await client.send(bytes.subarray(sent, end))
      await taken(path, end)
      sent = end
    }
    await client.send(bytes.subarray(sent))
    const offsets: number[] = []
    let last = await client.answer()
    for (; last.status === 104; last = await client.answer()) {
      expect(last.headers).toEqual({
        'upload-draft-interop-version': '8',
        'upload-offset': expect.stringMatching(/^\d+$/),
      })
      offsets.push(Number(last.headers['upload-offset']))
    }
    expect(offsets.length).toBeGreaterThan(0)
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b))
    expect(offsets.every((offset) => offset > 0 && offset < bytes.length)).toBe(true)
    expect(last.status).toBe(201)
    client.socket.destroy()
  })

  it.each([
    ['without a version', 'HTTP/1.1', []],
    ['in another version', 'HTTP/1.1', ['Upload-Draft-Interop-Version: 9']],
    ['in a version that is none', 'HTTP/1.1', ['Upload-Draft-Interop-Version: "8"']],
    ['RFC 9110: "MUST NOT send a 1xx response to an HTTP/1.0 client"', 'HTTP/1.0', [version]],
  ])(
    '"MUST NOT send a 104 … when the interop version … is missing or mismatching": %s',
    async (_, protocol, fields) => {
      const client = await RawClient.open(server.port)
      const start = head('PUT /files/silent', 'Upload-Complete: ?1', length, ...fields)
      await client.send(start.replace('HTTP/1.1', protocol))
      await client.send(bytes)
      const answer = await client.answer()
      expect(answer).toMatchObject({ headers: { 'upload-complete': '?1' } })
      expect([200, 201]).toContain(answer.status)
      client.socket.destroy()
    },
  )

  it('comes before the go-ahead that a client waits for', async () => {
    const client = await begun('PUT /files/waiting', [...whole, 'Expect: 100-continue'])
    locationIn(await client.answer())
    expect((await client.answer()).status).toBe(100)
    await client.send(bytes)
    let last = await client.answer()
    while (last.status === 104) last = await client.answer()
    expect(last.status).toBe(201)
    client.socket.destroy()
  })
})

describe('a length that Upload-Length could not tell, and the catalog not read', () => {
  const appending = ['Upload-Offset: 3', 'Content-Type: application/partial-upload']

  it.each([
    ['PATCH', '999999999999997', appending],
    ['PATCH', '9007199254740993', appending],
    ['PATCH', '18446744073709551615', appending],
    ['PUT /files/endless', '1000000000000000', []],
    ['POST /uploads', '9007199254740993', []],
  ])('is refused before anything is kept: %s of %s bytes', async (request, bodyBytes, own) => {
    const path = await givenUpload(server, 'abc')
    const fields = ['Upload-Complete: ?1', version, `Content-Length: ${bodyBytes}`, ...own]
    const client = await begun(request === 'PATCH' ? `PATCH ${path}` : request, fields)
    const { status, headers } = await client.answer()
    expect([status, headers['upload-limit']]).toEqual([413, expect.stringMatching(/^max-age=\d+$/)])
    client.socket.destroy()
    expect(await unfinished(server)).toEqual([path])
    expect(await stateOf(server, path)).toEqual(['3', 'undefined', '?0'])
  })
})

it('a client that stalls is answered 408, and hears where to continue', async () => {
  const impatient = await openTestServer({ chunkSize, stallTimeoutMs: 60 })
  const answered = Promise.withResolvers<void>()
  const stalling = async function* () {
    yield Buffer.from('hello')
    await answered.promise
  }
  const answer = await draft(impatient, 'PUT', '/files/slow', { 'Upload-Complete': '?1' }, stalling())
  answered.resolve()
  expect(answer).toMatchObject({ status: 408, headers: { 'upload-complete': '?0' } })
  const path = answer.headers.location!
  expect((await append(impatient, path, 5, inPieces(Buffer.from('world')), true)).status).toBe(201)
  expect((await get(impatient, 'slow')).body.toString()).toBe('helloworld')
  await impatient.stop()
})
