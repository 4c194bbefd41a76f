import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { get, given, put } from './sample.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  await given(server, 'file', 'content')
  return server.stop
})

describe('nothing is at', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/nowhere'],
    ['PUT', '/file'],
    ['GET', '/Files/file'],
    ['GET', '/files%2Ffile'],
    ['GET', '//files/file'],
    ['GET', '/api/file'],
    ['PROPFIND', '/nowhere'],
    ['OPTIONS', '/nowhere'],
  ])('%s %s', async (method, path) => {
    const answer = await refused(server, () => request(server, method, path))
    expect(answer).toMatchObject({ refusal: [404, 'not_found'] })
    expect(answer.headers).not.toHaveProperty('allow')
  })
})

describe('takes other methods', () => {
  it.each([
    ['POST', '/files/file', 'DELETE, GET, HEAD, PUT'],
    ['PATCH', '/files/file', 'DELETE, GET, HEAD, PUT'],
    ['PROPFIND', '/files/file', 'DELETE, GET, HEAD, PUT'],
    ['TRACE', '/files/file', 'DELETE, GET, HEAD, PUT'],
    ['GET', '/files', 'POST'],
    ['DELETE', '/api/files', 'GET, HEAD'],
    ['PUT', '/api/files/file', 'GET, HEAD, PATCH'],
    ['POST', '/healthz', 'GET, HEAD'],
  ])('%s %s', async (method, path, allow) => {
    const answer = await refused(server, () => request(server, method, path))
    expect(answer).toMatchObject({ refusal: [405, 'method_not_allowed'] })
    expect(answer.headers.allow?.split(', ').sort().join(', ')).toBe(allow)
  })

  it('and says which', async () => {
    const answer = await request(server, 'OPTIONS', '/files/file')
    expect(answer.status).toBe(200)
    expect(answer.headers.allow?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'PUT'])
  })
})

describe('a request has an id', () => {
  it.each(['abc', 'A-1_2.3', 'x'.repeat(64)])('its own: %s', async (id) => {
    const [right, wrong] = await Promise.all(
      ['/files/file', '/files/missing'].map((path) =>
        request(server, 'GET', path, { headers: { 'X-Request-Id': id } }),
      ),
    )
    expect(right?.headers['x-request-id']).toBe(id)
    expect(wrong?.headers['x-request-id']).toBe(id)
    expect(wrong?.json()).toMatchObject({ requestId: id })
  })

  it.each(['', 'two words', 'a"b', '<script>', 'x'.repeat(65)])('a new one instead of %j', async (id) => {
    const { headers } = await request(server, 'GET', '/files/file', { headers: { 'X-Request-Id': id } })
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('a page', () => {
  const changes = [
    ['PUT', '/files/file', 'other', {}],
    ['DELETE', '/files/file', undefined, {}],
    ['PATCH', '/api/files/file', '{"name":"other"}', { 'Content-Type': 'application/json' }],
    ['POST', '/files', '--b--', { 'Content-Type': 'multipart/form-data; boundary=b' }],
  ] as const

  it.each(
    ['http://elsewhere.example', 'http://127.0.0.1', 'null', 'no origin'].flatMap((origin) =>
      changes.map(([method, path, body, headers]) => [origin, method, path, body, headers] as const),
    ),
  )('of %s may not %s %s', async (origin, method, path, body, headers) => {
    const options = { headers: { ...headers, Origin: origin }, ...(body && { body }) }
    expect(await refused(server, () => request(server, method, path, options))).toMatchObject({
      refusal: [403, 'cross_origin'],
    })
  })

  it.each(['GET', 'HEAD'])('of anywhere may %s', async (method) => {
    const headers = { Origin: 'http://elsewhere.example' }
    expect((await request(server, method, '/files/file', { headers })).status).toBe(200)
  })

  it('of this server may change what it likes', async () => {
    const Origin = server.url
    expect((await put(server, 'mine', 'x', { Origin })).status).toBe(201)
    const headers = { Origin, 'Content-Type': 'application/json' }
    const renamed = await request(server, 'PATCH', '/api/files/mine', { headers, body: '{"name":"yours"}' })
    expect(renamed.status).toBe(200)
    expect((await request(server, 'DELETE', '/files/yours', { headers: { Origin } })).status).toBe(204)
  })

  it('of the host that a proxy names may, whatever the Host header says', async () => {
    const { host } = new URL(server.url)
    expect(await deleteAs(host, host)).toMatch(/^HTTP\/1.1 404 /)
    expect(await deleteAs(host, 'localhost')).toMatch(/^HTTP\/1.1 403 /)
  })
})

describe('a target', () => {
  it.each([
    ['with the address of the server', 'http://localhost/files/file', 200],
    ['with the address of the server and a port', 'HTTP://LOCALHOST:1234/files/file?inline=1', 200],
    ['with nothing behind the address', 'http://localhost', 404],
    ['with a query behind the address', 'http://localhost?x', 404],
    ['with an address that is none', 'http://[/files/file', 421],
    ['with a port that is none', 'http://localhost:99999999/files/file', 200],
    ['with a user', 'http://me@a.example/files/file', 400],
    ['with a user and an address that is none', 'http://me@[/', 400],
    ['of another kind', 'ftp://a.example/files/file', 400],
    ['that is no path', 'files/file', 400],
    ['of the server as a whole', '*', 204],
    ['with a backslash for a slash', 'http://a.example\\files/file', 400],
    ['with bytes that are no text', '/files/caf\xe9', 400],
    ['with bytes that are half a character', '/files/caf\xc3', 400],
    ['with bytes of half a surrogate pair', '/files/\xed\xa0\x80', 400],
  ])('%s: %s', async (_, target, status) => {
    const method = target === '*' ? 'OPTIONS' : 'GET'
    const answer = await exchange(`${method} ${target} HTTP/1.1`, 'Host: localhost')
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`)
    expect((await get(server, 'file')).status).toBe(200)
  })

  it.each(['/files/ü', '/api/files?q=ü', 'http://a.example/files/日本'])(
    'in raw UTF-8, which the parser refuses, is told how to be sent: %s',
    async (target) => {
      const bytes = Buffer.from(target).toString('latin1')
      const answer = await exchange(`GET ${bytes} HTTP/1.1`, 'Host: a.example')
      expect(answer.slice(0, 12)).toBe('HTTP/1.1 400')
      expect(answer).toContain('%C3%BC')
    },
  )

  it('that is longer than anything may be is refused', async () => {
    expect((await get(server, 'x'.repeat(20_000))).status).toBe(431)
  })
})

/** Names one host in the target and another one as the page's and in the header. */
function deleteAs(target: string, page: string): Promise<string> {
  return exchange(`DELETE http://${target}/files/missing HTTP/1.1`, `Host: ${page}`, `Origin: http://${page}`)
}

/**
 * Sends these lines as they are, one byte for each character, and resolves with all that comes
 * back.
 */
async function exchange(...lines: readonly string[]): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`, 'latin1')
  return text(socket)
}
