import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { request, type Answer } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { problemIn, refused } from './refused.ts'
import { given, put } from './sample.ts'
import { endUploads, givenUpload, idIn, offsetMediaType } from '../fronts/tus/tus-client.ts'

const app = 'https://app.example'
const elsewhere = 'https://elsewhere.example'

let shared: TestServer
let open: TestServer
let closed: TestServer

beforeAll(async () => {
  shared = await openTestServer({ corsOrigins: [app] })
  open = await openTestServer({ corsOrigins: '*' })
  closed = await openTestServer()
  for (const server of [shared, open, closed]) await given(server, 'file', 'hello')
  return async () => {
    await Promise.all([shared, open, closed].map((server) => server.stop()))
  }
})

function preflight(server: TestServer, path: string, origin: string, method = 'PUT'): Promise<Answer> {
  const headers = {
    Origin: origin,
    'Access-Control-Request-Method': method,
    'Access-Control-Request-Headers': 'content-type,tus-resumable',
  }
  return request(server, 'OPTIONS', path, { headers })
}

function listIn(answer: Answer, header: string): readonly string[] {
  return String(answer.headers[header]).toLowerCase().split(', ')
}

/** Which pages may embed what the answer carries. */
function embedding({ headers }: Answer) {
  expect(headers['x-content-type-options']).toBe('nosniff')
  return headers['cross-origin-resource-policy']
}

/** Who may read the answer, and whether that follows from who asked. */
function sharing({ headers }: Answer) {
  return { origin: headers['access-control-allow-origin'], vary: headers.vary }
}

const changes = [
  ['PUT', '/files/other', 'other', {}],
  ['DELETE', '/files/file', undefined, {}],
  ['PATCH', '/api/files/file', '{"name":"other"}', { 'Content-Type': 'application/json' }],
  ['POST', '/uploads', '', { 'Tus-Resumable': '1.0.0', 'Upload-Length': '5' }],
] as const

describe('a preflight', () => {
  it.each(['/files/some/name', '/files', '/api/files', '/api/uploads', '/uploads', '/uploads/some', '/'])(
    'to %s is answered with what may be used',
    async (path) => {
      const answer = await preflight(shared, path, app)
      expect([answer.status, answer.body.length]).toEqual([204, 0])
      expect(sharing(answer)).toEqual({ origin: app, vary: 'Origin' })
      expect(listIn(answer, 'access-control-allow-methods').toSorted()).toEqual([
        'delete',
        'get',
        'head',
        'options',
        'patch',
        'post',
        'put',
      ])
      expect(answer.headers['access-control-max-age']).toBe('7200')
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
      expect(answer.headers).not.toHaveProperty('tus-version')
      expect(listIn(answer, 'access-control-allow-headers')).toEqual(
        expect.arrayContaining(['authorization', 'x-requested-with', 'x-csrf-token', 'x-request-id']),
      )
    },
  )

  it.each([
    ['an origin that is not listed', () => preflight(shared, '/uploads', elsewhere)],
    ['one that only begins like it', () => preflight(shared, '/uploads', `${app}.elsewhere.example`)],
    ['one with a port', () => preflight(shared, '/uploads', `${app}:8443`)],
    ['any origin where none is', () => preflight(closed, '/uploads', app)],
  ])('of %s allows nothing', async (_, ask) => {
    const { headers } = await ask()
    const allowing = Object.keys(headers).filter((name) => name.startsWith('access-control-'))
    expect(allowing).toEqual([])
  })

  it.each([app, 'null', elsewhere])('of %s is answered alike where all are allowed', async (origin) => {
    const answer = await preflight(open, '/files/file', origin)
    expect(answer.status).toBe(204)
    expect(sharing(answer)).toEqual({ origin: '*', vary: undefined })
  })

  it.each([
    ['without a method', { Origin: app }],
    ['without an origin', { 'Access-Control-Request-Method': 'POST' }],
  ])('is none %s: OPTIONS tells what tus can do', async (_, headers) => {
    const answer = await request(shared, 'OPTIONS', '/uploads', { headers })
    expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-extension': /creation/ })
    expect(answer.headers).not.toHaveProperty('access-control-allow-methods')
  })
})

describe('an answer', () => {
  it.each([
    ['GET', '/files/file', {}, 200],
    ['GET', '/files/file', { Range: 'bytes=1-2' }, 206],
    ['GET', '/files/file', { Range: 'bytes=9-' }, 416],
    ['GET', '/files/file', { 'If-None-Match': '*' }, 304],
    ['HEAD', '/files/file', {}, 200],
    ['GET', '/files/missing', {}, 404],
    ['GET', '/files/%ff', {}, 400],
    ['GET', '/api/files', {}, 200],
    ['GET', '/api/files/file?chunks=1', {}, 200],
    ['POST', '/files', {}, 415],
    ['POST', '/uploads', {}, 412],
    ['PROPFIND', '/files/file', {}, 405],
    ['GET', '/healthz', {}, 200],
  ] as const)('to %s %s with %j can be read by the page: %i', async (method, path, headers, status) => {
    const from = (server: TestServer, origin?: string) =>
      request(server, method, path, { headers: { ...headers, ...(origin && { Origin: origin }) } })
    const answer = await from(shared, app)
    expect(answer.status).toBe(status)
    expect(sharing(answer)).toEqual({ origin: app, vary: 'Origin' })
    expect(sharing(await from(shared, 'null'))).toEqual({ origin: undefined, vary: 'Origin' })
    expect(sharing(await from(shared))).toEqual({ origin: undefined, vary: 'Origin' })
    expect(sharing(await from(open, app))).toEqual({ origin: '*', vary: undefined })
    expect(sharing(await from(open))).toEqual({ origin: '*', vary: undefined })
    expect(sharing(await from(closed, app))).toEqual({ origin: undefined, vary: undefined })
    const embeddable = [from(shared, app), from(open, app), from(open)].map(async (sent) =>
      embedding(await sent),
    )
    expect(new Set(await Promise.all(embeddable))).toEqual(new Set(['cross-origin']))
    const own = [from(shared), from(shared, elsewhere), from(closed), from(closed, app)]
    expect(new Set(await Promise.all(own.map(async (sent) => embedding(await sent))))).toEqual(
      new Set(['same-origin']),
    )
    for (const server of [shared, open]) {
      const { headers: sent } = await from(server, app)
      expect(sent).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  it('to a page of another origin cannot be read', async () => {
    const answer = await request(shared, 'GET', '/files/file', { headers: { Origin: elsewhere } })
    expect(sharing(answer)).toEqual({ origin: undefined, vary: 'Origin' })
    expect(answer.headers).not.toHaveProperty('access-control-expose-headers')
  })

  it('that completes an upload shows which file it is', async () => {
    const path = await givenUpload(shared, { 'Upload-Length': 3 })
    const headers = {
      Origin: app,
      'Tus-Resumable': '1.0.0',
      'Content-Type': offsetMediaType,
      'Upload-Offset': '0',
    }
    const answer = await request(shared, 'PATCH', path, { headers, body: 'abc' })
    expect(answer.headers).toMatchObject({
      'content-location': `/files/@${idIn(path)}`,
      'access-control-allow-origin': app,
    })
    expect(listIn(answer, 'access-control-expose-headers')).toEqual(
      expect.arrayContaining(['content-location', 'upload-offset', 'etag', 'tus-resumable']),
    )
  })
})

describe('a page', () => {
  it.each([
    ['of a listed origin', () => shared, app],
    ['of anywhere, if all are', () => open, elsewhere],
    ['without an origin of its own, if all are', () => open, 'null'],
  ])('%s may change what it likes', async (_, serverOf, Origin) => {
    const server = serverOf()
    expect((await put(server, 'mine', 'x', { Origin })).status).toBe(201)
    const headers = { Origin, 'Content-Type': 'application/json' }
    const renamed = await request(server, 'PATCH', '/api/files/mine', { headers, body: '{"name":"yours"}' })
    expect(renamed.status).toBe(200)
    expect((await request(server, 'DELETE', '/files/yours', { headers: { Origin } })).status).toBe(204)
    const tus = { Origin, 'Tus-Resumable': '1.0.0', 'Upload-Length': 5 }
    expect((await request(server, 'POST', '/uploads', { headers: tus })).status).toBe(201)
    await endUploads(server)
  })

  it.each(
    [
      [elsewhere, () => shared] as const,
      [`${app}.elsewhere.example`, () => shared] as const,
      [`${app}:8443`, () => shared] as const,
      ['http://app.example', () => shared] as const,
      [app, () => closed] as const,
      ['null', () => closed] as const,
      ['null', () => shared] as const,
    ].flatMap(([origin, serverOf]) => changes.map((change) => [origin, change, serverOf] as const)),
  )('of %s may not %j', async (Origin, [method, path, body, headers], serverOf) => {
    const options = { headers: { ...headers, Origin }, ...(body && { body }) }
    const server = serverOf()
    const answer = await refused(server, () => request(server, method, path, options))
    expect(answer.refusal).toEqual([403, 'cross_origin'])
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
  })

  it('of this server itself may always read and write', async () => {
    for (const server of [shared, open]) {
      expect((await put(server, 'own', 'x', { Origin: server.url })).status).toBe(201)
      expect((await request(server, 'DELETE', '/files/own')).status).toBe(204)
    }
  })

  it('whose change is refused sees why', async () => {
    const answer = await put(shared, 'file', 'x', { Origin: app, 'If-None-Match': '*' })
    expect(problemIn(answer)).toEqual([412, 'precondition_failed'])
    expect(sharing(answer)).toEqual({ origin: app, vary: 'Origin' })
    expect(listIn(answer, 'access-control-expose-headers')).toContain('x-request-id')
  })
})

/**
 * Header names in the sources of HTTP and its fronts, in lower case, that stand where one of these
 * patterns has its group.
 */
function namesInSources(...patterns: readonly RegExp[]): ReadonlySet<string> {
  const sources = ['http', 'fronts'].flatMap((part) => {
    const directory = fileURLToPath(new URL(`../../src/${part}`, import.meta.url))
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('allow-cross-origin.ts'))
      .map((name) => readFileSync(join(directory, name), 'utf8'))
  })
  const found = patterns.flatMap((pattern) => Array.from(sources.join('\n').matchAll(pattern)))
  return new Set(found.map(([, name = '']) => name.toLowerCase()))
}

describe('every header', () => {
  it('that is read may be sent', async () => {
    const allowed = listIn(await preflight(shared, '/', app), 'access-control-allow-headers')
    const read = namesInSources(/ctx\.get\('([\w-]+)'\)/g, /headers\['([\w-]+)'\]/g, /headers\.(range)\b/g)
    // No page can set these: the browser does, or nobody.
    const forbidden = new Set(['content-length', 'host', 'origin', 'transfer-encoding', 'upgrade'])
    expect(read.size).toBeGreaterThan(20)
    expect([...read].filter((name) => !allowed.includes(name) && !forbidden.has(name))).toEqual([])
  })

  it('that is sent may be read', async () => {
    const exposed = listIn(await preflight(shared, '/', app), 'access-control-expose-headers')
    const sent = namesInSources(
      /(?:set|append)\('([A-Z][\w-]+)'/g,
      /always\['([\w-]+)'\]/g,
      /'([A-Z]\w*(?:-[A-Z]\w*)+)':/g,
    )
    // These can always be read, or mean something to browsers alone.
    const others = new Set([
      'cache-control',
      'connection',
      'content-length',
      'content-security-policy',
      'content-type',
      'cross-origin-resource-policy',
      'last-modified',
      'x-content-type-options',
    ])
    expect(sent.size).toBeGreaterThan(20)
    expect([...sent].filter((name) => !exposed.includes(name) && !others.has(name))).toEqual([])
  })
})
