import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleChunk } from '../../chunks/sample-chunk.ts'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient, type RawAnswer } from '../../robustness/raw-client.ts'
import { uploadBytes } from '../../robustness/send-body.ts'
import { expectIdle } from '../../robustness/store-contents.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'

const MiB = 1024 * 1024
const large = sampleChunk(8 * MiB, 1).bytes
const medium = large.subarray(0, 2 * MiB)
const body = 'all of it'
const formBody = `--b\r\nContent-Disposition: form-data; name="f"; filename="form"\r\n\r\n${body}\r\n--b--\r\n`
const times = 20

let server: TestServer
beforeAll(async () => {
  server = await openTestServer()
  await uploadBytes(server.store, 'large', large)
  await uploadBytes(server.store, 'medium', medium)
})
afterAll(() => server.stop())

function put(name: string, ...fields: readonly string[]): string {
  return `${head(`PUT /files/${name}`, `Content-Length: ${body.length}`, ...fields)}${body}`
}

/**
 * Sends the request and the end of all requests in one go; resolves with the answer once the server
 * has closed the connection.
 */
async function halfClosed(request: string, method = 'GET'): Promise<RawAnswer> {
  const client = await RawClient.open(server.port, { allowHalfOpen: true })
  client.socket.end(request)
  let answer = await client.answer(method)
  // The draft's 104 says where to go on.
  while (answer.status < 200) answer = await client.answer(method)
  await client.ended()
  expect(client.ending).toBe('')
  return answer
}

async function createUpload(): Promise<string> {
  const name = Buffer.from('tus').toString('base64')
  const client = await RawClient.open(server.port)
  await client.send(
    head(
      'POST /uploads',
      'Tus-Resumable: 1.0.0',
      `Upload-Length: ${body.length}`,
      `Upload-Metadata: filename ${name}`,
    ),
  )
  const { headers } = await client.answer('HEAD')
  client.socket.destroy()
  return new URL(headers['location'] ?? '', server.url).pathname
}

describe('a client that sends a whole request and closes its side at once gets its answer, and the connection ends', () => {
  it.each([
    ['a search', () => head('GET /api/files?q=large'), 200],
    ['PUT', (index: number) => put(`put-${index}`), 201],
    [
      'a PUT in chunks',
      (index: number) =>
        `${head(`PUT /files/chunks-${index}`, 'Transfer-Encoding: chunked')}9\r\n${body}\r\n0\r\n\r\n`,
      201,
    ],
    [
      'a PUT in the draft’s dialect',
      (index: number) => put(`draft-${index}`, 'Upload-Draft-Interop-Version: 8', 'Upload-Complete: ?1'),
      201,
    ],
    ['DELETE', (index: number) => head(`DELETE /files/put-${index}`), 204],
    ['a refused PUT', () => put('..'), 400],
    [
      'a form',
      () =>
        `${head('POST /files', 'Content-Type: multipart/form-data; boundary=b', `Content-Length: ${formBody.length}`)}${formBody}`,
      201,
    ],
    [
      'a change',
      () =>
        `${head('PATCH /api/files/form', 'Content-Type: application/json', 'Content-Length: 16')}{"metadata": {}}`,
      200,
    ],
  ])(`${times} times: %s`, async (_what, request, status) => {
    for (let index = 0; index < times; index++) {
      const { status: answered } = await halfClosed(request(index), status === 204 ? 'DELETE' : 'PUT')
      expect(answered).toBe(status)
    }
    await expectIdle(server.store)
  })

  it(`${times} times: a tus PATCH`, async () => {
    const fields = ['Tus-Resumable: 1.0.0', 'Upload-Offset: 0', `Content-Length: ${body.length}`]
    for (let index = 0; index < times; index++) {
      const path = await createUpload()
      const patch = head(`PATCH ${path}`, 'Content-Type: application/offset+octet-stream', ...fields)
      const answer = await halfClosed(patch + body, 'DELETE')
      expect(answer).toMatchObject({ status: 204, headers: { 'upload-offset': `${body.length}` } })
    }
  })

  it(`${times} times: a GET of a file of ${medium.length} bytes`, async () => {
    for (let index = 0; index < times; index++) {
      const answer = await halfClosed(head('GET /files/medium'))
      expect(answer.body.equals(medium)).toBe(true)
    }
    await expectIdle(server.store)
  })

  it('to all requests, if it sent several', async () => {
    const client = await RawClient.open(server.port, { allowHalfOpen: true })
    client.socket.end([head('GET /files/large'), put('behind'), head('GET /files/large')].join(''))
    expect((await client.answer()).body.equals(large)).toBe(true)
    expect((await client.answer('PUT')).status).toBe(201)
    expect((await client.answer()).body.equals(large)).toBe(true)
    await client.ended()
  })
})

describe('a client that has closed its side', () => {
  it('without a request, or between two, loses its connection at once', async () => {
    const client = await RawClient.open(server.port, { allowHalfOpen: true })
    client.socket.end()
    const other = await RawClient.open(server.port, { allowHalfOpen: true })
    await other.send(head('GET /healthz'))
    await other.answer()
    other.socket.end()
    await Promise.all([client.ended(), other.ended()])
    expect([client.length, client.ending, other.ending]).toEqual([0, '', ''])
  })

  it('and reads nothing is cut off after the stall timeout', async () => {
    const impatient = await startTestServer({ stallTimeoutMs: 200 })
    await uploadBytes(impatient.store, 'large', large)
    expect(await cutOffs(impatient)).toBe(0)
    const client = await RawClient.open(impatient.port, { allowHalfOpen: true })
    client.socket.pause()
    client.socket.end([head('GET /files/large'), head('GET /files/large')].join(''))
    await eventually(async () => expect(await cutOffs(impatient)).toBe(1))
    await expectIdle(impatient.store)
    client.socket.destroy()
  })

  it('and then goes away does not keep a download open', async () => {
    const client = await RawClient.open(server.port, { allowHalfOpen: true })
    client.socket.pause()
    client.socket.end([head('GET /files/large'), head('GET /files/large')].join(''))
    await eventually(() => expect(server.store.activeDownloads.inUse).not.toEqual([]))
    client.socket.destroy()
    await expectIdle(server.store)
  })

  it('counts as a connection, and gives its place back when it has its answer', async () => {
    const gate = Promise.withResolvers<void>()
    const gated = await startTestServer({
      maxConnections: 1,
      wrapChunks: (chunks) => ({
        put: async (...call) => gate.promise.then(() => chunks.put(...call)),
        read: (...call) => chunks.read(...call),
        delete: (...call) => chunks.delete(...call),
        list: (...call) => chunks.list(...call),
        close: () => chunks.close(),
      }),
    })
    const client = await RawClient.open(gated.port, { allowHalfOpen: true })
    client.socket.end(put('waits'))
    await eventually(() => expect(gated.store.pool.leasedBytes).toBeGreaterThan(0))
    const surplus = await RawClient.open(gated.port)
    await surplus.send(head('GET /healthz'))
    expect((await surplus.answer()).status).toBe(503)
    await surplus.ended()
    gate.resolve()
    expect((await client.answer('PUT')).status).toBe(201)
    await client.ended()
    const next = await RawClient.open(gated.port)
    await next.send(head('GET /healthz'))
    expect((await next.answer()).status).toBe(200)
    next.socket.destroy()
  })

  it('and reads nothing does not keep a server from stopping', async () => {
    const stopping = await startTestServer()
    await uploadBytes(stopping.store, 'large', large)
    const client = await RawClient.open(stopping.port, { allowHalfOpen: true })
    client.socket.pause()
    client.socket.end([head('GET /files/large'), head('GET /files/large')].join(''))
    await eventually(() => expect(stopping.store.activeDownloads.inUse).not.toEqual([]))
    await stopping.stop()
    client.socket.destroy()
  })
})

async function cutOffs({ metrics }: TestServer): Promise<number> {
  const text = await metrics.registry.metrics()
  return Number(/^ashlar_clients_cut_off_total (\d+)$/m.exec(text)?.[1])
}
