import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type StoreError } from '../../src/client/node.ts'
import { given, sample } from '../http/sample.ts'
import { request } from '../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../support/test-server.ts'
import { FaultyProxy, type Fault } from './faulty-proxy.ts'
import { all, bytesIn, clientOf, freshName, sourceOf } from './fixtures.ts'

let server: TestServer
beforeAll(async () => {
  server = await openTestServer()
})
afterAll(() => server.stop())

describe('connect', () => {
  it.each(['', 'here', 'ftp://host', '//host', 'http://'])('refuses the address %j', (address) => {
    expect(() => connect(address)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  it('refuses a password in the address, which no request could be sent to', () => {
    expect(() => connect('http://me:secret@127.0.0.1/')).toThrow('Authorization')
  })

  it.each(['/store', '/store/', '/a/b'])('works below the path %s', async (base) => {
    const proxy = await FaultyProxy.open(server, [], base.replace(/\/$/, ''))
    const name = freshName()
    const bytes = sample(2_000_000)
    const client = clientOf({ url: base.endsWith('/') ? `${proxy.url}/` : proxy.url })
    await client.put(name, sourceOf(bytes)).result
    expect((await bytesIn((await client.read(name)).bytes)).equals(bytes)).toBe(true)
    await client.delete(name)
  })

  it('sends the headers that it was given with every request', async () => {
    const proxy = await FaultyProxy.open(server)
    const client = clientOf(proxy, { headers: { Authorization: 'Basic eDp5' } })
    const name = freshName()
    await client.put(name, sourceOf(sample(2_000_000))).result
    await client.delete(name)
    expect(proxy.requests.length).toBeGreaterThan(5)
    expect(proxy.requests.every(({ headers }) => headers.authorization === 'Basic eDp5')).toBe(true)
  })
})

describe('a call', () => {
  const problem = { 'Content-Type': 'application/problem+json' }

  it.each<[title: string, answer: Omit<Fault & { kind: 'answer' }, 'on' | 'kind'>, expected: object]>([
    [
      'a page that is no JSON',
      { status: 200, body: '<html>Welcome</html>' },
      { code: 'internal', message: expect.stringContaining('is Ashlar there') },
    ],
    ['a 404 page', { status: 404, body: '<html>Not found</html>' }, { code: 'not_found' }],
    ['a login page', { status: 401, body: '<html>Who are you?</html>' }, { code: 'forbidden' }],
    [
      'a redirect',
      { status: 302, headers: { Location: 'https://elsewhere/' } },
      { code: 'invalid_request', message: expect.stringContaining('https://elsewhere/') },
    ],
    [
      'a problem',
      { status: 409, headers: problem, body: '{"code":"name_taken","detail":"It is."}' },
      { code: 'name_taken', message: 'It is.' },
    ],
    [
      'a problem of somebody else',
      { status: 418, headers: problem, body: '{"title":"Teapot"}' },
      { code: 'invalid_request' },
    ],
    ['a full disk', { status: 507 }, { code: 'no_space' }],
  ])('that is answered with %s rejects, and is not tried again', async (_, answer, expected) => {
    const proxy = await FaultyProxy.open(server, [{ on: 'GET', call: 'every', kind: 'answer', ...answer }])
    await expect(clientOf(proxy).show('x')).rejects.toMatchObject(expected)
    expect(proxy.requests).toHaveLength(1)
  })

  it.each([
    ['seconds', '1', 1000],
    ['a date', new Date(Date.now() + 100_000).toUTCString(), 50_000],
  ])('waits as long as it is asked to, told in %s', async (_, after, leastMs) => {
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET', kind: 'answer', status: 503, headers: { 'Retry-After': after } },
    ])
    const controller = new AbortController()
    const pauses: number[] = []
    const client = clientOf(proxy, {
      giveUpAfterMs: 1e9,
      onRetry: (_error, pauseMs) => {
        pauses.push(pauseMs)
        controller.abort(new Error('seen'))
      },
    })
    await expect(client.show('x', { signal: controller.signal })).rejects.toThrow('seen')
    expect(pauses).toHaveLength(1)
    expect(pauses[0]).toBeGreaterThanOrEqual(leastMs)
  })

  it('pauses longer from one try to the next, and gives up when it has failed for too long', async () => {
    const proxy = await FaultyProxy.open(server, [{ on: 'GET', call: 'every', kind: 'answer', status: 503 }])
    const pauses: number[] = []
    const errors: StoreError[] = []
    const client = clientOf(proxy, {
      giveUpAfterMs: 100,
      onRetry: (error, pauseMs) => {
        errors.push(error)
        pauses.push(pauseMs)
      },
    })
    await expect(client.show('x')).rejects.toMatchObject({ code: 'overloaded' })
    expect(pauses.length).toBeGreaterThan(2)
    pauses.forEach((pauseMs, index) => {
      const longestMs = Math.min(60, 2 ** index)
      expect(pauseMs).toBeGreaterThanOrEqual(longestMs / 2)
      expect(pauseMs).toBeLessThanOrEqual(longestMs)
    })
    expect(errors.every(({ code }) => code === 'overloaded')).toBe(true)
  })

  it('says that nobody is there', async () => {
    const client = clientOf({ url: 'http://127.0.0.1:1' }, { giveUpAfterMs: 10 })
    await expect(client.show('x')).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.each([
    ['before', (controller: AbortController) => controller.abort(new Error('enough'))],
    ['while it waits for the answer', () => {}],
  ])('ends at once when it is told to %s', async (_, early) => {
    const controller = new AbortController()
    early(controller)
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET', kind: 'hang', meanwhile: () => controller.abort(new Error('enough')) },
    ])
    await expect(clientOf(proxy).show('x', { signal: controller.signal })).rejects.toThrow('enough')
  })
})

describe('showChunks', () => {
  it('shows a file as show does, and its chunks', async () => {
    const name = freshName()
    const { id } = await given(server, name, sample(200_000))
    const { chunks, ...file } = await clientOf(server).showChunks(name)
    expect(file).toEqual(await clientOf(server).show(`@${id}`))
    expect(chunks).toMatchObject([
      { start: 0, size: 131_072 },
      { start: 131_072, size: 68_928 },
    ])
    await expect(clientOf(server).showChunks('nothing')).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('a header', () => {
  it.each([{ 'a b': 'c' }, { '': 'c' }, { a: 'line\nbreak' }, { a: '\u{20AC}' }])(
    'that cannot be sent is refused, and not tried again: %j',
    async (headers) => {
      const retries: StoreError[] = []
      const client = clientOf(server, { headers, onRetry: (error) => retries.push(error) })
      await expect(client.show('x')).rejects.toMatchObject({ code: 'invalid_request' })
      expect(retries).toEqual([])
    },
  )

  it('replaces the one of the client that has its name, in whatever case', async () => {
    const proxy = await FaultyProxy.open(server)
    const client = clientOf(proxy, { headers: { 'CONTENT-TYPE': 'application/json' } })
    const name = freshName()
    await given(server, name)
    await client.update(name, { metadata: { a: 'b' } })
    expect(proxy.requests.map(({ headers }) => headers['content-type'])).toEqual(['application/json'])
  })
})

describe('delete', () => {
  it('rejects what was not there, and a file that is another', async () => {
    const client = clientOf(server)
    await expect(client.delete('nothing')).rejects.toMatchObject({ code: 'not_found' })
    const name = freshName()
    await given(server, name)
    await expect(client.delete(name, { ifMatch: '"x"' })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    await client.delete(name)
    await expect(client.show(name)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('resolves if only the answer was lost', async () => {
    const proxy = await FaultyProxy.open(server, [{ on: 'DELETE', kind: 'lose-answer' }])
    const name = freshName()
    await given(server, name)
    await clientOf(proxy).delete(name)
    await expect(clientOf(server).show(name)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('update', () => {
  it('changes what it is told, and resolves with the file as it is then', async () => {
    const name = freshName()
    const { id } = await given(server, name)
    const changed = await clientOf(server).update(name, { name: `${name}-new`, metadata: { 'a b,c': 'ü' } })
    expect(changed).toMatchObject({ id, name: `${name}-new`, metadata: { 'a b,c': 'ü' } })
  })
})

describe('list', () => {
  it('goes through more files than a page has, by name, prefixes among them', async () => {
    const full = await startTestServer()
    const names = Array.from({ length: 1003 }, (_, index) => `n${String(index).padStart(4, '0')}`)
    const body = new FormData()
    for (const name of names.slice(0, 1000)) body.append('file', new Blob([]), name)
    expect((await fetch(`${full.url}/files`, { method: 'POST', body })).status).toBe(201)
    const odd = [...names.slice(1000), 'folder/a', 'folder/b', 'n0500/x', '\u{1F600}', '\uFB01']
    for (const name of odd) await given(full, encodeURI(name), 'content')
    const entries = await all(clientOf(full).list({ delimiter: '/' }))
    const listed = entries.map((entry) => ('file' in entry ? entry.file.name : entry.prefix))
    expect(listed).toEqual([
      'folder/',
      ...names.slice(0, 501),
      'n0500/',
      ...names.slice(501),
      '\uFB01',
      '\u{1F600}',
    ])
    const found = await all(clientOf(full).list({ q: 'older', prefix: 'f' }))
    expect(found).toMatchObject([{ file: { name: 'folder/a' } }, { file: { name: 'folder/b' } }])
  })
})

describe('listUploads', () => {
  it('goes through more uploads than a page has, the oldest first', async () => {
    const busy = await startTestServer()
    const sizes = Array.from({ length: 103 }, (_, index) => String(index))
    const created = sizes.map((size) => {
      const headers = { 'Tus-Resumable': '1.0.0', 'Upload-Length': `1${size}` }
      return request(busy, 'POST', '/uploads', { headers })
    })
    await Promise.all(created)
    const uploads = await all(clientOf(busy).listUploads())
    const ids = uploads.map(({ id }) => id)
    expect(ids).toEqual(ids.toSorted())
    expect(new Set(uploads.map(({ size }) => `${size}`))).toEqual(new Set(sizes.map((size) => `1${size}`)))
    await clientOf(busy).deleteUpload(ids[0]!)
    expect(await all(clientOf(busy).listUploads())).toHaveLength(102)
  })
})
