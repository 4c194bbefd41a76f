import { beforeAll, describe, expect, it } from 'vitest'
import { RawClient } from '../robustness/raw-client.ts'
import { request, type Answer, type RequestOptions } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { problemIn } from './refused.ts'
import { given } from './sample.ts'
import { offsetMediaType } from '../fronts/tus/tus-client.ts'

const publicUrl = 'https://files.example:8443/a/b/'

/** As it starts without options. */
let plain: TestServer
/** Known by names, and behind a proxy that strips a prefix and says nothing. */
let named: TestServer
/** Behind a proxy that says what it was asked. */
let proxied: TestServer

beforeAll(async () => {
  plain = await openTestServer()
  named = await openTestServer({ publicUrl, allowedHosts: ['nas', '*.lan', 'dot.example.'] })
  proxied = await openTestServer({ trustedProxies: ['127.0.0.0/8'], allowedHosts: ['files.example'] })
  for (const server of [plain, named, proxied]) await given(server, 'file', 'hello')
  return async () => {
    await Promise.all([plain, named, proxied].map((server) => server.stop()))
  }
})

type Headers = NonNullable<RequestOptions['headers']>

function ask(server: TestServer, headers: Headers) {
  return request(server, 'GET', '/files/file', { headers })
}

describe('a Host', () => {
  it.each([
    'localhost',
    'LocalHost:8080',
    'localhost.',
    'app.localhost:80',
    '127.0.0.1:8080',
    '127.1.2.3',
    '192.0.2.7',
    '[::1]:8080',
    '[2001:db8::7]',
    '[::ffff:127.0.0.1]',
    '[fe80::1%25eth0]:8080',
    '[fe80::1%eth0]',
    '',
  ])('%j is answered without options', async (Host) => {
    expect((await ask(plain, { Host })).status).toBe(200)
  })

  it.each([
    'files.example',
    'FILES.example:8443',
    'files.example.',
    'nas:80',
    'x.lan',
    'y.x.lan',
    'dot.example',
  ])('%j is answered where options name it', async (Host) => {
    expect((await ask(named, { Host })).status).toBe(200)
    expect((await ask(plain, { Host })).status).toBe(421)
  })

  it.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    'notlocalhost',
    '127.0.0.1.evil.example',
    '127.0.0.evil',
    'files.example.evil.example',
    'evilfiles.example',
    'lan',
    'evillan',
    'nas.evil.example',
    'nas..',
    '2130706433',
    'local%68ost',
  ])('%j is refused with 421', async (Host) => {
    for (const server of [plain, named]) {
      const answer = await ask(server, { Host })
      expect(problemIn(answer)).toEqual([421, 'host_not_allowed'])
      expect(answer.body.toString()).toContain('--allowed-hosts')
    }
  })

  it.each([
    ['GET', '/files/file'],
    ['HEAD', '/files/file'],
    ['PUT', '/files/file'],
    ['DELETE', '/files/file'],
    ['POST', '/files'],
    ['GET', '/api/files'],
    ['GET', '/api/files/file'],
    ['PATCH', '/api/files/file'],
    ['POST', '/uploads'],
    ['PATCH', '/uploads/0'],
    ['HEAD', '/uploads/0'],
    ['GET', '/api/uploads'],
    ['DELETE', '/api/uploads/0'],
    ['OPTIONS', '/uploads'],
    ['OPTIONS', '/files/file'],
    ['PROPFIND', '/files/file'],
    ['TRACE', '/'],
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/metrics'],
    ['GET', '/nowhere'],
    ['GET', '/files/%ff'],
  ])('that is not ours is refused at %s %s, whatever the origin', async (method, path) => {
    const Host = `evil.example:${plain.port}`
    const headers = { Host, Origin: `http://${Host}`, 'X-Forwarded-Host': 'localhost' }
    // In memory, where it has been asked for before.
    await ask(plain, {})
    const { status, body } = await request(plain, method, path, { headers })
    const { code } = method === 'HEAD' ? { code: 'host_not_allowed' } : JSON.parse(body.toString())
    expect([status, code]).toEqual([421, 'host_not_allowed'])
  })

  it('that is not ours gets no answer to a preflight, though its origin is allowed', async () => {
    const server = await openTestServer({ corsOrigins: '*' })
    const headers = {
      Host: 'evil.example',
      Origin: 'http://a.example',
      'Access-Control-Request-Method': 'PUT',
    }
    const { status } = await request(server, 'OPTIONS', '/files/file', { headers })
    await server.stop()
    expect(status).toBe(421)
  })

  it('that is not ours is refused before the server says that it is overloaded', async () => {
    const server = await openTestServer({ maxRequests: 0 })
    const statuses = await Promise.all(
      ['localhost', 'evil.example'].map(async (Host) => (await ask(server, { Host })).status),
    )
    await server.stop()
    expect(statuses).toEqual([503, 421])
  })

  it('that is not ours is refused before the body is asked for', async () => {
    const headers = { Host: 'evil.example', Expect: '100-continue', 'Content-Length': 5 }
    const answer = await request(plain, 'PUT', '/files/new', { headers, body: 'hello' })
    expect([answer.status, answer.isContinued]).toEqual([421, false])
  })

  it.each([
    ['GET /files/file HTTP/1.0', [], 200],
    ['GET /files/file HTTP/1.0', ['Host: evil.example'], 421],
    ['GET http://localhost/files/file HTTP/1.1', ['Host: evil.example'], 200],
    ['GET http://evil.example/files/file HTTP/1.1', ['Host: localhost'], 421],
    ['GET http://evil.example:80?x HTTP/1.1', ['Host: localhost'], 421],
    ['OPTIONS http://evil.example/files/file HTTP/1.1', ['Host: localhost'], 421],
    ['GET http://evil.example/files/file HTTP/1.0', [], 421],
    ['GET http://localhost@evil.example/files/file HTTP/1.1', ['Host: localhost'], 400],
    ['GET /files/file HTTP/1.1', ['Host: localhost@evil.example'], 400],
    ['GET /files/file HTTP/1.1', ['Host: localhost', 'Host: evil.example'], 400],
    ['GET /files/file HTTP/1.1', ['Host: localhost, evil.example'], 400],
    ['GET /files/file HTTP/1.1', ['Host: evil.example', 'Upgrade: websocket', 'Connection: Upgrade'], 421],
  ] as const)('counts as %s with %j has it: %i', async (line, fields, status) => {
    const client = await RawClient.open(plain.port)
    await client.send([line, ...fields, '', ''].join('\r\n'))
    expect((await client.answer()).status).toBe(status)
    client.socket.destroy()
  })
})

describe('a forwarded host', () => {
  it.each(['files.example', 'localhost:8443', '[::1]', 'evil.example, files.example'])(
    '%j of a trusted proxy is answered',
    async (host) => {
      expect((await ask(proxied, { 'X-Forwarded-Host': host })).status).toBe(200)
    },
  )

  it.each(['evil.example', 'files.example, evil.example', 'localhost:x@evil.example', 'localhost/', '['])(
    '%j of a trusted proxy is refused with 421',
    async (host) => {
      expect((await ask(proxied, { 'X-Forwarded-Host': host })).status).toBe(421)
      expect((await ask(plain, { 'X-Forwarded-Host': host })).status).toBe(200)
    },
  )

  it('of ours does not make up for a Host that is not', async () => {
    const headers = { Host: 'evil.example', 'X-Forwarded-Host': 'localhost' }
    expect((await ask(proxied, headers)).status).toBe(421)
  })
})

describe('an address in an answer', () => {
  const forwarded = {
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'files.example:8443',
    'X-Forwarded-Prefix': '/a/b/',
  }
  const cases: readonly (readonly [
    what: string,
    serverOf: () => TestServer,
    headers: Headers,
    base: string,
  ])[] = [
    ['is a path without options', () => plain, {}, ''],
    ['takes no notice of headers of somebody who is not trusted', () => plain, forwarded, ''],
    ['begins with the public URL', () => named, {}, publicUrl.slice(0, -1)],
    ['begins with the public URL, whatever is forwarded', () => named, forwarded, publicUrl.slice(0, -1)],
    ['begins with what a trusted proxy says', () => proxied, forwarded, 'https://files.example:8443/a/b'],
    [
      'has the prefix of a trusted proxy that says only that',
      () => proxied,
      { 'X-Forwarded-Prefix': '/a' },
      '/a',
    ],
    ['is a path where a trusted proxy says nothing', () => proxied, {}, ''],
    ['takes no prefix that would name a host', () => proxied, { 'X-Forwarded-Prefix': '//evil.example' }, ''],
    ['takes no prefix that is no path', () => proxied, { 'X-Forwarded-Prefix': 'a"b' }, ''],
  ]

  it.each(cases)('%s: PUT', async (_, serverOf, headers, base) => {
    const { id, ...answer } = await putFile(serverOf(), headers)
    expect(answer.location).toBe(`${base}/files/@${id}`)
  })

  it.each(cases)('%s: tus', async (_, serverOf, headers, base) => {
    const tus = { ...headers, 'Tus-Resumable': '1.0.0' }
    const server = serverOf()
    const created = await request(server, 'POST', '/uploads', { headers: { ...tus, 'Upload-Length': 5 } })
    expect(locationIn(created)).toMatch(new RegExp(`^${base}/uploads/[0-9a-f-]{36}$`))
    const id = locationIn(created).slice(-36)
    const append = { ...tus, 'Upload-Offset': 0, 'Content-Type': offsetMediaType }
    const appended = await request(server, 'PATCH', `/uploads/${id}`, { headers: append, body: 'hello' })
    expect(appended.headers['content-location']).toBe(`${base}/files/@${id}`)
    const shown = await request(server, 'HEAD', `/uploads/${id}`, { headers: tus })
    expect(shown.headers['content-location']).toBe(`${base}/files/@${id}`)
  })

  it.each(cases)('%s: the draft, and its 104', async (_, serverOf, headers, base) => {
    const server = serverOf()
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`)
    const draft = ['Host: localhost', 'Upload-Draft-Interop-Version: 8', ...fields]
    const client = await RawClient.open(server.port)
    const start = ['POST /uploads HTTP/1.1', ...draft, 'Upload-Complete: ?0', 'Content-Length: 0', '', '']
    await client.send(start.join('\r\n'))
    const interim = await client.answer()
    const started = await client.answer()
    expect([interim.status, started.status]).toEqual([104, 201])
    expect(interim.headers['location']).toMatch(new RegExp(`^${base}/uploads/[0-9a-f-]{36}$`))
    expect(started.headers['location']).toBe(interim.headers['location'])
    const id = String(interim.headers['location']).slice(-36)
    const last = ['Upload-Complete: ?1', 'Upload-Offset: 0', 'Content-Type: application/partial-upload']
    await client.send(
      [`PATCH /uploads/${id} HTTP/1.1`, ...draft, ...last, 'Content-Length: 0', '', ''].join('\r\n'),
    )
    expect((await client.answer()).headers['location']).toBe(`${base}/files/@${id}`)
    await client.send([`HEAD /uploads/${id} HTTP/1.1`, ...draft, '', ''].join('\r\n'))
    expect((await client.answer('HEAD')).headers['content-location']).toBe(`${base}/files/@${id}`)
    client.socket.destroy()
  })

  it('joins parts that are named by their public addresses', async () => {
    const tus = { 'Tus-Resumable': '1.0.0' }
    const part = { ...tus, 'Upload-Concat': 'partial', 'Upload-Length': 1, 'Content-Type': offsetMediaType }
    const parts = await Promise.all(
      ['a', 'b'].map((body) => request(named, 'POST', '/uploads', { headers: part, body })),
    )
    const concat = `final;${parts.map(locationIn).join(' ')}`
    expect(concat).toContain(publicUrl)
    const joined = await request(named, 'POST', '/uploads', { headers: { ...tus, 'Upload-Concat': concat } })
    expect(joined.status).toBe(201)
  })
})

describe('a page', () => {
  it.each([
    ['https://files.example:8443', {}, () => named],
    ['https://files.example:8443', { Host: 'files.example' }, () => named],
    ['https://files.example:8443', { Host: 'nas' }, () => named],
    ['http://nas', { Host: 'NAS:80' }, () => named],
    ['http://localhost', { Host: 'localhost:80' }, () => plain],
    ['http://localhost.:8080', { Host: 'localhost.:8080' }, () => plain],
    ['http://127.0.0.1:8080', { Host: '127.0.0.1:8080' }, () => plain],
    ['https://files.example', { Host: 'files.example:443', 'X-Forwarded-Proto': 'https' }, () => proxied],
    [
      'https://files.example',
      { 'X-Forwarded-Host': 'files.example', 'X-Forwarded-Proto': 'HTTPS' },
      () => proxied,
    ],
    ['http://files.example:81', { 'X-Forwarded-Host': 'files.example:81' }, () => proxied],
  ] as const)('of %s is our own with %j', async (Origin, headers, serverOf) => {
    const answer = await request(serverOf(), 'DELETE', '/files/missing', { headers: { ...headers, Origin } })
    expect(answer.status).toBe(404)
  })

  it.each([
    ['http://files.example:8443', {}, () => named],
    ['https://files.example', {}, () => named],
    ['http://files.example', { Host: 'files.example' }, () => named],
    ['https://nas', { Host: 'nas' }, () => named],
    ['https://localhost', { Host: 'localhost:443' }, () => plain],
    ['https://localhost:8080', { Host: 'localhost:8080' }, () => plain],
    ['ftp://localhost:8080', { Host: 'localhost:8080' }, () => plain],
    ['ws://localhost:8080', { Host: 'localhost:8080' }, () => plain],
    ['http://localhost:8081', { Host: 'localhost:8080' }, () => plain],
    ['http://127.0.0.1:8080', { Host: 'localhost:8080' }, () => plain],
    ['http://localhost:5173', {}, () => plain],
    ['null', {}, () => plain],
    ['http://files.example', { 'X-Forwarded-Host': 'files.example' }, () => plain],
    [
      'http://files.example',
      { 'X-Forwarded-Host': 'files.example', 'X-Forwarded-Proto': 'https' },
      () => proxied,
    ],
    ['https://files.example', { Host: 'files.example', 'X-Forwarded-Proto': 'https, http' }, () => proxied],
    ['https://files.example', { Host: 'files.example', 'X-Forwarded-Proto': 'gopher' }, () => proxied],
    ['http://localhost', { Host: '' }, () => plain],
  ] as const)('of %s is not our own with %j, and hears what to set', async (Origin, headers, serverOf) => {
    const server = serverOf()
    const answer = await request(server, 'DELETE', '/files/file', { headers: { ...headers, Origin } })
    expect(problemIn(answer)).toEqual([403, 'cross_origin'])
    expect((await ask(server, {})).status).toBe(200)
    for (const option of ['--public-url', '--trusted-proxies', '--cors-origins']) {
      expect(answer.body.toString()).toContain(option)
    }
  })
})

async function putFile(server: TestServer, headers: Headers) {
  const answer = await request(server, 'PUT', '/files/new', { headers, body: 'hello' })
  return { id: (answer.json() as { id: string }).id, location: answer.headers.location }
}

function locationIn({ headers }: Answer): string {
  return String(headers.location)
}
