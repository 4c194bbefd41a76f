import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { faulty, type FaultyChunkStore } from '../../support/faulty.ts'
import { boundary, fieldPart, filePart, form, post, type Part } from '../../http/form.ts'
import { get, inPieces, KiB, MiB, put, sample, type FileInfo } from '../../http/sample.ts'
import { settled } from '../../http/settled.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(async () => {
  for (const { name } of await settled(server)) {
    await request(server, 'DELETE', `/files/${encodeURIComponent(name)}`)
  }
})

const small = sample(1000)
const large = sample(700 * KiB)

describe.each([
  ['at once', (body: Buffer) => body],
  ['in pieces', (body: Buffer) => inPieces(body, 4321)],
  ['byte by byte', (body: Buffer) => inPieces(body, body.length > 5000 ? 997 : 1)],
])('sent %s', (_, sent) => {
  it.each<readonly [string, readonly Part[], Readonly<Record<string, Buffer | string>>]>([
    ['one file', [filePart('one.txt', small)], { 'one.txt': small }],
    [
      'several files',
      [filePart('a', small), filePart('b', large), filePart('c', 'text')],
      { a: small, b: large, c: 'text' },
    ],
    [
      'one name several times: with numbers',
      [
        filePart('a/b.tar.gz', 'x'),
        filePart('twice', small),
        filePart('twice', large),
        filePart('a/b.tar.gz', 'y'),
        filePart('twice', 'z'),
      ],
      { 'a/b.tar.gz': 'x', 'a/b.tar (2).gz': 'y', twice: small, 'twice (2)': large, 'twice (3)': 'z' },
    ],
    [
      'a name that another was given already',
      [filePart('a', '1'), filePart('a', '2'), filePart('a (2)', '3')],
      { a: '1', 'a (2)': '2', 'a (2) (2)': '3' },
    ],
    [
      'names that differ in their normal form',
      [filePart('\u00fc', 'x'), filePart('u\u0308', 'y')],
      { '\u00fc': 'x', 'u\u0308': 'y' },
    ],
    ['an empty file', [filePart('empty', '')], { empty: '' }],
    [
      'an empty file between others',
      [filePart('a', 'x'), filePart('b', ''), filePart('c', 'y')],
      { a: 'x', b: '', c: 'y' },
    ],
    ['fields beside files', [fieldPart('f', 'v'), filePart('a', 'x'), fieldPart('g', 'w')], { a: 'x' }],
    ['folders and Unicode', [filePart('müll/€/🪨.txt', 'x')], { 'müll/€/🪨.txt': 'x' }],
    ['quotes, as browsers write them', [filePart('say %22yes%22', 'x')], { 'say "yes"': 'x' }],
    ['quotes, as curl writes them', [filePart(String.raw`say \"yes\"`, 'x')], { 'say "yes"': 'x' }],
    ['a backslash', [filePart(String.raw`a\b`, 'x')], { 'a\\b': 'x' }],
    ['a semicolon', [filePart('a; filename=b; c', 'x')], { 'a; filename=b; c': 'x' }],
    ['what looks like an entity', [filePart('&#8364;', 'x')], { '&#8364;': 'x' }],
    [
      'a field that looks like a file',
      [fieldPart('x; filename=evil; y', 'v'), filePart('a', 'x')],
      { a: 'x' },
    ],
    [
      'a field that nobody filled in',
      [filePart('', '', 'application/octet-stream'), filePart('a', 'x')],
      { a: 'x' },
    ],
    [
      'what looks like a boundary',
      [filePart('a', '\r\n--a-boundar\r\n--a-b')],
      { a: '\r\n--a-boundar\r\n--a-b' },
    ],
    ['lines', [filePart('a', '\r\n\r\n'), filePart('b', '\n')], { a: '\r\n\r\n', b: '\n' }],
    [
      'names of fields that objects have',
      [fieldPart('__proto__', 'v'), filePart('__proto__', 'x')],
      { ['__proto__']: 'x' },
    ],
  ])('%s', async (__, parts, expected) => {
    const answer = await post(server, sent(form(parts)))
    expect(answer.status).toBe(201)
    const { files } = answer.json() as { readonly files: readonly FileInfo[] }
    const inOrder = parts.flatMap(({ head }) => (head[0]?.includes('; filename="') ? [head] : []))
    const unnamed = inOrder.filter(([disposition]) => disposition?.endsWith('filename=""')).length
    expect(files).toHaveLength(inOrder.length - unnamed)
    const names = (await settled(server)).map(({ name }) => name)
    expect(names.sort()).toEqual(Object.keys(expected).sort())
    for (const [name, content] of Object.entries(expected)) {
      const { body, headers } = await get(server, encodeURIComponent(name))
      expect(body.equals(Buffer.from(content))).toBe(true)
      expect(files.findLast((file) => file.name === name)).toMatchObject({
        size: body.length,
        etag: headers.etag,
      })
    }
  })
})

it('is taken as a real client encodes it', async () => {
  const data = new FormData()
  data.append('comment', 'for "you"')
  data.append('file', new Blob([new Uint8Array(large)], { type: 'image/png' }), 'so/"many" ü.png')
  data.append('file', new Blob(['text']), 'plain')
  const response = await fetch(`${server.url}/files`, { method: 'POST', body: data })
  expect(response.status).toBe(201)
  expect(await response.json()).toMatchObject({
    files: [
      { name: 'so/"many" ü.png', size: large.length, mediaType: 'image/png' },
      { name: 'plain', size: 4, mediaType: 'application/octet-stream' },
    ],
  })
})

describe('has the media type', () => {
  it.each([
    ['that came with it', filePart('a.txt', 'x', 'image/png'), 'image/png'],
    ['of anything, where none came', filePart('a.bin', 'x'), 'application/octet-stream'],
    ['of its extension, where none came', filePart('a.txt', 'x'), 'text/plain'],
  ])('%s', async (_, part, mediaType) => {
    expect((await post(server, form([part]))).json()).toMatchObject({ files: [{ mediaType }] })
  })
})

it('is told to go ahead with its body', async () => {
  const body = form([filePart('a', large)])
  const answer = await post(server, body, undefined, {
    Expect: '100-continue',
    'Content-Length': body.length,
  })
  expect(answer).toMatchObject({ status: 201, isContinued: true })
})

it('takes many files', async () => {
  const parts = Array.from({ length: 100 }, (_, index) => filePart(`many/${index}`, `content ${index}`))
  const answer = await post(server, form(parts))
  expect((answer.json() as { readonly files: readonly FileInfo[] }).files.map(({ name }) => name)).toEqual(
    parts.map((__, index) => `many/${index}`),
  )
})

it('waits for a store that is slow, in bounded memory', async () => {
  const total = 40 * MiB
  const maxBufferMemory = 8 * MiB
  let chunks: FaultyChunkStore | undefined
  const slow = await startTestServer({
    chunkSize: MiB,
    maxBufferMemory,
    wrapChunks: (store) => (chunks = faulty(store, [{ on: 'put', call: 'every', kind: 'hang' }])),
  })
  let sent = 0
  async function* body() {
    const [head, tail] = form([filePart('large', '|')])
      .toString()
      .split('|') as [string, string]
    yield Buffer.from(head)
    for (; sent < total; sent += MiB) yield Buffer.alloc(MiB, 128 + sent / MiB)
    yield Buffer.from(tail)
  }
  const answer = post(slow, body())
  await expect.poll(() => chunks?.calls.put).toBe(4)
  // It stands still when nothing more was taken for some turns of both ends.
  let before = -1
  await expect.poll(() => sent === before || ((before = sent), false), { interval: 50 }).toBe(true)
  expect(slow.store.pool.leasedBytes).toBeLessThanOrEqual(maxBufferMemory)
  // What the system's socket buffers hold is all that is not in the pool.
  expect(sent).toBeLessThan(total / 2)
  chunks?.release()
  expect((await answer).json()).toMatchObject({ files: [{ name: 'large', size: total }] })
})

it('gives a second file of one name no name that is stored already', async () => {
  await put(server, 'image%20(2).jpg', 'as it was')
  const parts = [filePart('image.jpg', 'a'), filePart('image.jpg', 'b')]
  const { files } = (await post(server, form(parts))).json() as { readonly files: readonly FileInfo[] }
  expect(files.map(({ name }) => name)).toEqual(['image.jpg', 'image (3).jpg'])
  expect((await get(server, 'image%20(2).jpg')).body.toString()).toBe('as it was')
  for (const [index, { id }] of files.entries()) {
    expect((await get(server, `@${id}`)).body.toString()).toBe('ab'[index])
  }
})

it.each(['', 'text', 'null'])(
  'a file with %j as its media type is application/octet-stream',
  async (type) => {
    const answer = await post(server, form([filePart('a.txt', 'x', type)]))
    expect(answer.json()).toMatchObject({ files: [{ mediaType: 'application/octet-stream' }] })
  },
)

it('is taken at /files/ as well', async () => {
  const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
  const answer = await request(server, 'POST', '/files/', { body: form([filePart('a', 'x')]), headers })
  expect(answer.status).toBe(201)
})

describe('RFC 2046', () => {
  const head = filePart('a', '').head[0]!
  const start = `--${boundary}\r\n${head}\r\n`

  it.each([
    ['a part that ends with its header', `${start}\r\n--${boundary}--`, ''],
    ['padding behind a boundary', `--${boundary} \t \r\n${head}\r\n\r\nx\r\n--${boundary}-- \t\r\n`, 'x'],
    ['no line break at the end', `${start}\r\nx\r\n--${boundary}--`, 'x'],
    ['a preamble and an epilogue', `before\r\n${start}\r\nx\r\n--${boundary}--\r\nafter\r\n`, 'x'],
    [
      'a folded header',
      `--${boundary}\r\nContent-Disposition: form-data;\r\n name="f"; filename="a"\r\n\r\nx\r\n--${boundary}--`,
      'x',
    ],
    [
      'content that ends as a boundary begins',
      `${start}\r\n\r\n--a-bound\r\n\r\r\n--${boundary}--`,
      '\r\n--a-bound\r\n\r',
    ],
  ])('%s is accepted', async (_, text, content) => {
    for (const pieceBytes of [1, 7, 10_000]) {
      const answer = await post(server, inPieces(Buffer.from(text), pieceBytes))
      expect(answer.status).toBe(201)
      expect((await get(server, 'a')).body.toString()).toBe(content)
    }
  })

  it.each([
    [
      'a boundary line with more in it',
      `${start}\r\nx\r\n--${boundary}y\r\n${head}\r\n\r\nz\r\n--${boundary}--`,
    ],
    ['padding without end', `--${boundary}${' '.repeat(5000)}\r\n${head}\r\n\r\nx\r\n--${boundary}--`],
    ['a header that is cut by a boundary', `${start}--${boundary}--`],
    ['a part without a header', `--${boundary}\r\n\r\nx\r\n--${boundary}--`],
  ])('%s is refused', async (_, text) => {
    for (const pieceBytes of [1, 10_000]) {
      const answer = await post(server, inPieces(Buffer.from(text), pieceBytes))
      expect([answer.status, answer.json()]).toEqual([
        400,
        expect.objectContaining({ code: 'invalid_request' }),
      ])
    }
  })
})
