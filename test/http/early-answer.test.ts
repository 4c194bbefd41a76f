import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { boundary, filePart, form } from './form.ts'
import { KiB, MiB, sample } from './sample.ts'
import { settled } from './settled.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ maxFileSize: 200 * KiB })
  return server.stop
})

afterEach(() => settled(server))

/** More than the system's socket buffers take. */
const large = sample(24 * MiB)
const chunked = Buffer.concat([
  Buffer.from(`${large.length.toString(16)}\r\n`),
  large,
  Buffer.from('\r\n0\r\n\r\n'),
])
const badForm = form([filePart('..', large)])
const multipart = `Content-Type: multipart/form-data; boundary=${boundary}`

// RFC 9112, 9.6: closing at once what the client still writes to would reset it, and the answer
// could be lost.
describe('a client that reads only when it has sent everything gets its answer', () => {
  it.each([
    ['before the body is read', 'PUT /files/..', [`Content-Length: ${large.length}`], large, 400],
    ['that the size alone tells', 'PUT /files/a', [`Content-Length: ${large.length}`], large, 413],
    ['while the body is read', 'PUT /files/a', ['Transfer-Encoding: chunked'], chunked, 413],
    ['while a form is read', 'POST /files', [multipart, `Content-Length: ${badForm.length}`], badForm, 400],
    [
      'while JSON is read',
      'PATCH /api/files/a',
      ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
      chunked,
      413,
    ],
  ])('%s: %s', async (_, line, headers, body, status) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.write(`${[`${line} HTTP/1.1`, 'Host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n`)
    if (!socket.write(body)) await once(socket, 'drain')
    const answer = await text(socket)
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`)
    expect(answer).toMatch(/\}\n$/)
  })
})
