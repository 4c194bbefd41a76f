import { beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { refused } from '../../http/refused.ts'
import { get, given, KiB, put, sample, type FileInfo } from '../../http/sample.ts'

let server: TestServer
let file: FileInfo
const body = sample(300 * KiB)

beforeAll(async () => {
  server = await openTestServer()
  file = await given(server, 'a/file.pdf', body)
  return server.stop
})

const missing = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'

it.each([
  ['by its name', () => 'a/file.pdf'],
  ['by its id', () => `@${file.id}`],
  ['by its id in capitals', () => `@${file.id.toUpperCase()}`],
])('comes %s, with all that is known of it', async (_, ref) => {
  const answer = await get(server, ref())
  expect(answer.status).toBe(200)
  expect(answer.body.equals(body)).toBe(true)
  expect(answer.headers).toMatchObject({
    etag: file.etag,
    'content-type': 'application/pdf',
    'content-length': String(body.length),
    'last-modified': new Date(file.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'content-disposition': 'attachment; filename="file.pdf"',
    'content-security-policy': expect.stringMatching(/^sandbox; default-src 'none';/),
  })
})

describe('HEAD has the headers of GET and no body', () => {
  it.each([
    ['a file', 'a/file.pdf', {}],
    ['a file to be shown', 'a/file.pdf?inline=1', {}],
    ['no file', 'not-there', {}],
    ['a file that has not changed', 'a/file.pdf', { 'If-None-Match': '*' }],
    ['a file that has changed', 'a/file.pdf', { 'If-Match': '"other"' }],
  ])('for %s', async (_, name, headers) => {
    const [head, whole] = [
      await request(server, 'HEAD', `/files/${name}`, { headers }),
      await get(server, name, headers),
    ]
    expect(head.body).toHaveLength(0)
    expect(head.status).toBe(whole.status)
    expect(withoutWhatDiffers(head.headers)).toEqual(withoutWhatDiffers(whole.headers))
  })

  it('and takes no notice of ranges, which are for GET alone', async () => {
    const { status, headers } = await request(server, 'HEAD', '/files/a/file.pdf', {
      headers: { Range: 'bytes=0-9' },
    })
    expect({ status, length: headers['content-length'] }).toEqual({
      status: 200,
      length: String(body.length),
    })
  })
})

it.each([
  ['a name that no file has', 'not-there', [404, 'not_found']],
  ['a name that only begins like one', 'a/file', [404, 'not_found']],
  ['an id that no file has', `@${missing}`, [404, 'not_found']],
  ['an id that is none', '@17', [400, 'invalid_request']],
] as const)('%s is refused', async (_, name, refusal) => {
  expect(await refused(server, () => get(server, name))).toMatchObject({ refusal })
})

it('an empty file is whole', async () => {
  await given(server, 'empty', '')
  const answer = await get(server, 'empty')
  expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '0' } })
  expect(answer.body).toHaveLength(0)
})

describe('proposes a name', () => {
  it.each([
    ['plain.txt', 'attachment; filename="plain.txt"'],
    ['in%20two%20words.txt', 'attachment; filename="in two words.txt"'],
    ['folder/below/leaf.txt', 'attachment; filename="leaf.txt"'],
    ['100%25.txt', `attachment; filename="100_.txt"; filename*=utf-8''100%25.txt`],
    ['say%20%22yes%22.txt', `attachment; filename="say _yes_.txt"; filename*=utf-8''say%20%22yes%22.txt`],
    ['%E2%82%AC%20rates.txt', `attachment; filename="_ rates.txt"; filename*=utf-8''%E2%82%AC%20rates.txt`],
    ['%F0%9F%AA%A8', `attachment; filename="_"; filename*=utf-8''%F0%9F%AA%A8`],
  ])('for %s', async (name, expected) => {
    await given(server, name)
    expect((await get(server, name)).headers['content-disposition']?.toLowerCase()).toBe(
      expected.toLowerCase(),
    )
    const inline = (await get(server, `${name}?inline=1`)).headers['content-disposition']
    expect(inline?.toLowerCase()).toBe(expected.replace('attachment', 'inline').toLowerCase())
  })
})

describe('has the media type', () => {
  it.each([
    [
      'that came with it',
      'typed.txt',
      { 'Content-Type': 'application/x-own; version="1"' },
      'application/x-own; version="1"',
    ],
    ['of its extension', 'page.html', {}, 'text/html'],
    ['of its extension in capitals', 'PHOTO.JPG', {}, 'image/jpeg'],
    ['of anything, without an extension', 'README', {}, 'application/octet-stream'],
    ['of anything, with an extension that nobody knows', 'a.ashlar', {}, 'application/octet-stream'],
    [
      'that came, even if it says nothing',
      'b.txt',
      { 'Content-Type': 'application/octet-stream' },
      'application/octet-stream',
    ],
  ])('%s', async (_, name, headers, mediaType) => {
    expect((await put(server, name, 'x', headers)).json()).toMatchObject({ mediaType })
    expect((await get(server, name)).headers['content-type']).toBe(mediaType)
  })
})

function withoutWhatDiffers(headers: Answerheaders) {
  return { ...headers, date: undefined, 'x-request-id': undefined }
}

type Answerheaders = Awaited<ReturnType<typeof get>>['headers']

describe('text that is shown in place says that it is UTF-8, where it is', () => {
  const long = `${'x'.repeat(65_534)}🪨${'ü'.repeat(100_000)}`

  it.each([
    ['short text', 'text/plain', Buffer.from('Grüße'), 'text/plain; charset=utf-8'],
    ['no text at all', 'text/plain', Buffer.alloc(0), 'text/plain; charset=utf-8'],
    [
      'text with a parameter',
      'text/plain; format=flowed;',
      Buffer.from('ü'),
      'text/plain; format=flowed; charset=utf-8',
    ],
    [
      'long text, with a character where looking ends',
      'text/markdown',
      Buffer.from(long),
      'text/markdown; charset=utf-8',
    ],
    ['Latin-1', 'text/plain', Buffer.from('Grüße', 'latin1'), 'text/plain'],
    ['long Latin-1', 'text/plain', Buffer.from('ü'.repeat(100_000), 'latin1'), 'text/plain'],
    ['UTF-16', 'text/plain', Buffer.from('text', 'utf16le'), 'text/plain'],
    [
      'a short text that ends within a character',
      'text/plain',
      Buffer.from('ü').subarray(0, 1),
      'text/plain',
    ],
    ['a charset of its own', 'text/plain; Charset=latin1', Buffer.from('x'), 'text/plain; Charset=latin1'],
    ['no text', 'application/json', Buffer.from('"ü"'), 'application/json'],
  ])('%s', async (_, mediaType, text, expected) => {
    await given(server, 'shown', text, { 'Content-Type': mediaType })
    // The second time a small file comes out of memory.
    for (const [method, content] of [
      ['HEAD', ''],
      ['GET', text],
      ['GET', text],
      ['HEAD', ''],
    ] as const) {
      const answer = await request(server, method, '/files/shown?inline=1')
      expect([answer.status, answer.headers['content-type']]).toEqual([200, expected])
      expect(answer.body.equals(Buffer.from(content))).toBe(true)
    }
    const part = await request(server, 'GET', '/files/shown?inline=1', { headers: { Range: 'bytes=-1' } })
    expect(part.headers['content-type']).toBe(expected)
    expect((await get(server, 'shown')).headers['content-type']).toBe(mediaType)
  })
})
