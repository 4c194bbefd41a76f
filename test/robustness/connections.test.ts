import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { head, RawClient } from './raw-client.ts'
import { uploadBytes } from './send-body.ts'
import { contentsOf, expectContents, expectIdle } from './store-contents.ts'

const { bytes } = sampleChunk(300_000, 1)

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ headersTimeoutMs: 100, maxHeaderSize: 8 * 1024 })
  await uploadBytes(server.store, 'there', bytes)
})
afterAll(() => server.stop())

const put = (name: string, body: string, ...fields: readonly string[]) =>
  `${head(`PUT /files/${name}`, `Content-Length: ${body.length}`, ...fields)}${body}`

describe('a connection can be used again after', () => {
  const rows = [
    ['a new file', 'PUT', put('kept-alive', 'new'), 201],
    ['a replaced file', 'PUT', put('kept-alive', 'newer'), 200],
    ['a body with a wrong digest', 'PUT', put('wrong', 'body', 'Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=='), 400],
    ['a refused empty body', 'PUT', put('there', '', 'If-None-Match: *'), 412],
    [
      'a chunked body',
      'PUT',
      `${head('PUT /files/c', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n\r\n`,
      201,
    ],
    ['a file', 'GET', head('GET /files/there'), 200],
    ['a range', 'GET', head('GET /files/there', 'Range: bytes=5-9'), 206],
    ['a range that is none', 'GET', head('GET /files/there', 'Range: bytes=999999-'), 416],
    ['the headers of a file', 'HEAD', head('HEAD /files/there'), 200],
    ['a file that has not changed', 'GET', head('GET /files/there', 'If-None-Match: *'), 304],
    ['a missing file', 'GET', head('GET /files/missing'), 404],
    ['a bad name', 'GET', head('GET /files/a//b'), 400],
    ['a list', 'GET', head('GET /api/files'), 200],
    ['an unknown address', 'GET', head('GET /nowhere'), 404],
    ['a wrong method', 'DELETE', head('DELETE /api/files'), 405],
    ['a deleted file', 'DELETE', head('DELETE /files/kept-alive'), 204],
  ] as const

  it.each(rows)('%s', async (_what, method, request, status) => {
    const client = await RawClient.open(server.port)
    for (const _time of ['once', 'again']) {
      await client.send(put('kept-alive', 'something else'))
      expect([200, 201]).toContain((await client.answer('PUT')).status)
      await client.send(head('DELETE /files/c'))
      await client.answer('DELETE')
      if (status === 201) {
        await client.send(head('DELETE /files/kept-alive'))
        await client.answer('DELETE')
      }
      await client.send(request)
      const answer = await client.answer(method)
      expect(answer.status).toBe(status)
      expect(answer.headers['connection']).not.toBe('close')
    }
    expect(client.ending).toBeUndefined()
    client.socket.destroy()
  })
})

it('answers requests in the order in which they came', async () => {
  const before = await contentsOf(server.store)
  const client = await RawClient.open(server.port)
  const requests = [
    [put('in-order', 'one'), 'PUT', 201],
    [head('GET /files/there'), 'GET', 200],
    [head('HEAD /files/there'), 'HEAD', 200],
    [head('GET /files/missing'), 'GET', 404],
    [head('GET /files/there', 'Range: bytes=0-9'), 'GET', 206],
    [head('GET /healthz'), 'GET', 200],
  ] as const
  await client.send(requests.map(([request]) => request).join(''))
  for (const [, method, status] of requests) expect((await client.answer(method)).status).toBe(status)
  await client.send(head('DELETE /files/in-order'))
  expect((await client.answer('DELETE')).status).toBe(204)
  client.socket.destroy()
  await expectContents(server.store, before)
})

it('a client that has said half of what it would is told so, and nothing is stored', async () => {
  const client = await RawClient.open(server.port, { allowHalfOpen: true })
  client.socket.end(put('half-said', 'all of it').slice(0, -3))
  const answer = await client.answer('PUT')
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'incomplete_body' })
  await client.ended()
  const next = await RawClient.open(server.port)
  await next.send(head('GET /files/half-said'))
  expect((await next.answer()).status).toBe(404)
  next.socket.destroy()
  await expectIdle(server.store)
})

describe('headers', () => {
  it('that are too long are refused with 431', async () => {
    const client = await RawClient.open(server.port)
    await client.send(head('GET /files/there', `X-Long: ${'x'.repeat(8 * 1024)}`))
    await client.ended()
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('that never end are waited for no longer than configured', async () => {
    const client = await RawClient.open(server.port)
    await client.send('GET /files/there HTTP/1.1\r\nHost: localhost')
    await client.ended()
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 408 /)
  })
})
