import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { contentsOf, expectContents, type StoreContents } from '../../robustness/store-contents.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'

/**
 * Stands behind each shape: if it is ever answered, the shape has been read as ending before it.
 */
const behind = 'DELETE /files/never HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const putChunked = (...fields: readonly string[]) =>
  head('PUT /files/a', 'Transfer-Encoding: chunked', ...fields)
const empty = '0\r\n\r\n'

let server: TestServer
let before: StoreContents
beforeAll(async () => {
  server = await openTestServer({ lingerTimeoutMs: 100 })
  before = await contentsOf(server.store)
})
afterAll(() => server.stop())

/**
 * Sends the bytes and then a request of its own; resolves with the statuses of all answers and the
 * codes of the problems among them.
 */
async function answersTo(bytes: string): Promise<readonly string[]> {
  const client = await RawClient.open(server.port)
  // The server may have answered, and ended the connection, before all of it has gone.
  client.socket.write(Buffer.from(bytes + behind, 'latin1'))
  const received = () => client.received.toString('latin1')
  await eventually(() => assert(client.ending !== undefined || /^Connection: close\r$/m.test(received())))
  client.socket.end()
  await client.ended()
  const answers = received().split(/(?=HTTP\/1\.1 \d{3} )/)
  return answers
    .filter((answer) => answer !== '')
    .map((answer) => [answer.slice(9, 12), /"code":"(\w+)"/.exec(answer)?.[1]].filter(Boolean).join(' '))
}

const unreadable = ['400 invalid_request']
const refusedThenRead = ['400 invalid_request', '404 not_found']
const missing = '404 not_found'

// The server waits for more of each before it ends the connection.
describe.concurrent('a body that could end in two places', () => {
  it.each([
    ['two lengths', `${head('PUT /files/a', 'Content-Length: 1', 'Content-Length: 2')}x`],
    ['the same length twice', `${head('PUT /files/a', 'Content-Length: 1', 'Content-Length: 1')}x`],
    ['a list of lengths', `${head('PUT /files/a', 'Content-Length: 1, 1')}x`],
    ['a length and chunks', putChunked('Content-Length: 5') + empty],
    ['a length behind a fold', `${head('PUT /files/a', 'X: y', ' Content-Length: 1')}x`],
    ['a length that is negative', `${head('PUT /files/a', 'Content-Length: -1')}x`],
    ['a length with a sign', `${head('PUT /files/a', 'Content-Length: +1')}x`],
    ['a length in hexadecimal', `${head('PUT /files/a', 'Content-Length: 0x1')}x`],
    ['a length of nothing', `${head('PUT /files/a', 'Content-Length:')}x`],
    ['a length past 64 bits', `${head('PUT /files/a', 'Content-Length: 18446744073709551617')}x`],
    ['a space before the colon', `${head('PUT /files/a', 'Content-Length : 1')}x`],
    ['a tab before the colon', `${head('PUT /files/a', 'Content-Length\t: 1')}x`],
    ['a field without a name', `${head('PUT /files/a', ': 1', 'Content-Length: 1')}x`],
    ['a fold before the first field', head('PUT /files/a').replace('\r\n', '\r\n ')],
    [
      'chunks and something else behind',
      head('PUT /files/a', 'Transfer-Encoding: chunked, identity') + empty,
    ],
    ['chunks twice', putChunked('Transfer-Encoding: chunked') + empty],
    ['a control character in the coding', head('PUT /files/a', 'Transfer-Encoding: \x0bchunked') + empty],
    ['a coding of nothing', head('PUT /files/a', 'Transfer-Encoding:') + empty],
    ['lines that end in LF', head('GET /healthz').replaceAll('\r', '')],
    ['headers that end in LF', head('GET /healthz').replace(/\r\n$/, '\n')],
    ['a CR in a field', head('GET /healthz', 'X: a\rContent-Length: 1')],
    ['a NUL in a field', head('GET /healthz', 'X: a\0')],
    ['a chunk with a sign', `${putChunked()}-1\r\nx\r\n${empty}`],
    ['a chunk in C', `${putChunked()}0x1\r\nx\r\n${empty}`],
    ['a chunk past 64 bits', `${putChunked()}10000000000000001\r\nx\r\n${empty}`],
    ['a chunk without a size', `${putChunked()}\r\nx\r\n${empty}`],
    ['a space behind a chunk’s size', `${putChunked()}1 \r\nx\r\n${empty}`],
    ['a chunk that ends in LF', `${putChunked()}1\r\nx\n${empty}`],
    ['a chunk size that ends in LF', `${putChunked()}1\nx\r\n${empty}`],
    ['a chunk extension that ends in LF', `${putChunked()}1;a\nx\r\n${empty}`],
    ['a space in a chunk extension', `${putChunked()}1; a=b\r\nx\r\n${empty}`],
    ['a chunk longer than it says', `${putChunked()}1\r\nxy\r\n${empty}`],
    ['a length as trailer', `${putChunked()}1\r\nx\r\n0\r\nContent-Length: 9\r\n\r\n`],
  ])('by %s is refused, and nothing behind it is read', async (_what, bytes) => {
    expect(await answersTo(bytes)).toEqual(unreadable)
    await expectContents(server.store, before)
  })

  it.each([
    ['gzip below the chunks', 'Transfer-Encoding: gzip, chunked'],
    ['identity below the chunks', 'Transfer-Encoding: identity, chunked'],
  ])('a file that comes in %s is not stored as that', async (_what, coding) => {
    expect(await answersTo(head('PUT /files/a', coding) + empty)).toEqual(['501 not_implemented', missing])
    await expectContents(server.store, before)
  })

  it.each([
    ['unknown', 'xchunked'],
    ['quoted', '"chunked"'],
    ['with a parameter', 'chunked;q=1'],
  ])('a coding that is %s is refused', async (_what, coding) => {
    const answers = await answersTo(head('PUT /files/a', `Transfer-Encoding: ${coding}`) + empty)
    expect(answers).toEqual(['501 not_implemented'])
    await expectContents(server.store, before)
  })
})

describe('what may be in a request', () => {
  it.each([
    ['a tab before the coding', head('PUT /files/a', 'Transfer-Encoding:\tchunked') + empty, '201'],
    ['a coding in capitals', head('PUT /files/a', 'Transfer-Encoding: CHUNKED') + empty, '200'],
    ['a short chunk extension', `${putChunked()}1;a=b\r\nx\r\n${empty}`, '200'],
    ['empty lines before it', `\r\n\r\n${head('GET /healthz')}`, '200'],
    ['the server as a whole', head('OPTIONS *'), '204'],
    ['an absolute target', head('GET http://127.0.0.1:1/healthz'), '200'],
    ['a Host of nothing', head('GET /healthz').replace(/Host: .*/, 'Host:'), '200'],
    ['a Host with a port', head('GET /healthz').replace(/Host: .*/, 'Host: [::1]:80'), '200'],
    [
      'a body where none is read',
      `${head('GET /healthz', `Content-Length: ${behind.length}`)}${behind}`,
      '200',
    ],
    ['HTTP/1.0 that keeps alive', 'GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', '200'],
  ])('%s', async (_what, bytes, status) => {
    const answers = await answersTo(bytes)
    expect(answers).toEqual([status, missing])
  })

  it('HTTP/1.0 that does not keep alive is answered, and nothing behind it', async () => {
    expect(await answersTo('GET /healthz HTTP/1.0\r\n\r\n')).toEqual(['200'])
  })
})

describe('what is not HTTP/1.1, or not for a file store', () => {
  it.each([
    ['HTTP/0.9', 'GET /healthz\r\n\r\n', unreadable],
    ['HTTP/1.2', 'GET /healthz HTTP/1.2\r\nHost: localhost\r\n\r\n', unreadable],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', unreadable],
    ['the hello of TLS', `\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03${'\0'.repeat(64)}`, unreadable],
    ['SOCKS', '\x05\x01\x00', unreadable],
    ['SSH', 'SSH-2.0-client\r\n', unreadable],
    ['an unknown method', head('FOO /healthz'), ['501 not_implemented']],
    ['an unknown method that begins as a known one', head('GETX /healthz'), ['501 not_implemented']],
    [
      'an unknown method behind a request',
      `${head('GET /healthz')}${head('FOO /healthz')}`,
      ['200', '501 not_implemented'],
    ],
    ['a method in small letters', head('get /healthz'), ['501 not_implemented']],
    ['an unknown method and no version', 'FOO /healthz\r\n\r\n', unreadable],
    ['an expectation', head('GET /healthz', 'Expect: x'), ['417 expectation_failed', missing]],
    [
      'HTTP/1.0 in chunks',
      `PUT /files/a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n${empty}`,
      ['501 not_implemented'],
    ],
    [
      'HTTP/1.0 in no chunks',
      `PUT /files/a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${empty}`,
      ['501 not_implemented'],
    ],
    ['a tab in the request line', 'GET\t/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', unreadable],
    ['a space in the target', head('GET /heal thz'), unreadable],
    ['a NUL in the target', head('GET /heal\0thz'), unreadable],
    ['a target that is an authority', head('GET other:80'), unreadable],
    ['a target that is an asterisk', head('GET *'), refusedThenRead],
    ['a target with a fragment', head('GET /healthz#x'), refusedThenRead],
    ['a target elsewhere', head('GET ftp://other/healthz'), refusedThenRead],
    ['a method of others', head('PROPFIND /healthz'), ['405 method_not_allowed', missing]],
    ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', refusedThenRead],
    ['two Hosts', head('GET /healthz', 'Host: 127.0.0.1'), refusedThenRead],
    ['a Host that is none', head('GET /healthz').replace(/Host: .*/, 'Host: a/b'), refusedThenRead],
    ['CONNECT', 'CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n', ['501 not_implemented']],
  ])('%s', async (_what, bytes, answers) => {
    expect(await answersTo(bytes)).toEqual(answers)
  })

  it.each([
    ['WebSocket', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
    ['HTTP/2', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']],
  ])(
    'an upgrade to %s is answered as if nobody had asked, and ends the connection',
    async (_what, fields) => {
      expect(await answersTo(head('GET /healthz', ...fields))).toEqual(['200'])
    },
  )
})

it('the answer to what cannot be read is for no page of another origin', async () => {
  const client = await RawClient.open(server.port)
  await client.send('SSH-2.0-client\r\n')
  expect((await client.answer()).headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  })
})

describe('what is longer than anybody needs', () => {
  const MiB = 1024 * 1024
  it.each([
    ['an address', head(`GET /${'a'.repeat(MiB)}`), ['431 too_large']],
    ['a field', head('GET /healthz', `X: ${'a'.repeat(MiB)}`), ['431 too_large']],
    [
      'a thousand fields',
      head('GET /healthz', ...Array.from({ length: 1000 }, (_, i) => `x-${i}: ${i}-${i}-${i}`)),
      ['431 too_large'],
    ],
    [
      'thousands of ranges',
      head('GET /healthz', `Range: bytes=${'0-0,'.repeat(5000)}1-1`),
      ['431 too_large'],
    ],
    ['a chunk extension', `${putChunked()}1;${'a'.repeat(MiB)}\r\nx\r\n${empty}`, ['413 too_large']],
    ['trailers', `${putChunked()}1\r\nx\r\n0\r\n${'X: y\r\n'.repeat(10_000)}\r\n`, ['413 too_large']],
  ])('%s', async (_what, bytes, answers) => {
    expect(await answersTo(bytes)).toEqual(answers)
  })
})
