import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'

interface LogLine {
  readonly requestId?: string
  readonly status?: number
  readonly code?: string
  readonly level: number
}

let server: TestServer
let lines: LogLine[] = []
const destination = new Writable({
  write(line: Buffer, _encoding, written) {
    lines.push(JSON.parse(line.toString()) as LogLine)
    written()
  },
})
beforeAll(async () => {
  server = await openTestServer({ log: pino(destination), headersTimeoutMs: 200, lingerTimeoutMs: 100 })
})
afterAll(() => server.stop())
beforeEach(() => {
  lines = []
})

const chunked = head('PUT /files/a', 'Transfer-Encoding: chunked')

describe('a refusal that no route has seen', () => {
  it.each([
    ['of bytes that are no request', 'SSH-2.0-client\r\n', 400, 'invalid_request'],
    ['of an unknown method', head('FOO /healthz'), 501, 'not_implemented'],
    ['of raw UTF-8 in an address', head('GET /files/Ã¼'), 400, 'invalid_request'],
    ['of headers that are too long', head('GET /', `X: ${'x'.repeat(20_000)}`), 431, 'too_large'],
    ['of headers that do not come', 'GET / HTTP/1.1\r\n', 408, 'timeout'],
    ['of a blank in a chunk extension', `${chunked}1; a=b\r\nx\r\n0\r\n\r\n`, 400, 'invalid_request'],
    ['of CONNECT', 'CONNECT other:80 HTTP/1.1\r\nHost: other\r\n\r\n', 501, 'not_implemented'],
    ['of an expectation', head('PUT /files/a', 'Expect: x', 'Content-Length: 1'), 417, 'expectation_failed'],
  ])('%s is a problem with a request id, and has its line in the log', async (_of, bytes, status, code) => {
    const client = await RawClient.open(server.port)
    client.socket.write(bytes, 'latin1')
    const answer = await client.answer()
    const requestId = answer.headers['x-request-id']
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(answer.body.toString())).toEqual({
      title: expect.any(String),
      status,
      code,
      detail: expect.any(String),
      requestId,
    })
    client.socket.destroy()
    await eventually(() =>
      expect(lines).toContainEqual(expect.objectContaining({ requestId, status, level: 30 })),
    )
    expect(lines).toContainEqual(expect.objectContaining({ requestId, code, level: 30 }))
  })
})

function put(name: string): string {
  return `${head(`PUT /files/${name}`, 'Content-Length: 1')}x`
}

it('refusals that no route has seen are not logged where only errors are', async () => {
  const quiet = await startTestServer({ log: pino(destination), logRequests: 'errors' })
  const client = await RawClient.open(quiet.port)
  await client.send('SSH-2.0-client\r\n')
  expect((await client.answer()).status).toBe(400)
  client.socket.destroy()
  expect(lines).toEqual([])
})

it('bytes that are no request, behind several that are, are answered after all of them', async () => {
  const client = await RawClient.open(server.port)
  await client.send(`${put('one')}${put('two')}${put('three')}\x16\x03\x01`)
  for (const _name of ['one', 'two', 'three']) expect((await client.answer('PUT')).status).toBe(201)
  expect((await client.answer()).status).toBe(400)
  client.socket.destroy()
})

it('CONNECT behind a request is answered after it', async () => {
  const client = await RawClient.open(server.port)
  await client.send(put('four') + head('CONNECT other:80'))
  expect((await client.answer('PUT')).status).toBe(201)
  expect((await client.answer()).status).toBe(501)
  client.socket.destroy()
})
