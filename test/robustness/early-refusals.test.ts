import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, startTestServer, type TestServer } from '../support/test-server.ts'
import { head, RawClient } from './raw-client.ts'
import { uploadBytes } from './send-body.ts'
import { contentsOf, expectContents, expectIdle } from './store-contents.ts'

const MiB = 1024 * 1024
const maxFileSize = 4 * MiB
const bodyBytes = 24 * MiB
const form = 'Content-Type: multipart/form-data; boundary=cut'
const badPart = '--cut\r\nContent-Disposition: form-data; name="f"; filename="../up"\r\n\r\n'

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize: MiB, maxFileSize })
  await uploadBytes(server.store, 'there', Buffer.from('there'))
})
afterAll(() => server.stop())

const length = `Content-Length: ${bodyBytes}`
const chunked = 'Transfer-Encoding: chunked'
const refused = [
  ['a body that is announced as too large', ['PUT /files/a', length], '', 413, 'too_large'],
  ['a body that turns out to be too large', ['PUT /files/a', chunked], '', 413, 'too_large'],
  [
    'a file that must not be there',
    ['PUT /files/there', chunked, 'If-None-Match: *'],
    '',
    412,
    'precondition_failed',
  ],
  ['a name that is no name', ['PUT /files/a/../b', length], '', 400, 'invalid_name'],
  ['a part of a file', ['PUT /files/a', length, 'Content-Range: bytes 0-9/10'], '', 400, 'invalid_request'],
  ['a body where no form is', ['POST /files', length], '', 415, 'unsupported_media_type'],
  ['a form with a bad name', ['POST /files', length, form], badPart, 400, 'invalid_name'],
  ['a form that is none', ['POST /files', length, form], '', 400, 'invalid_request'],
  ['an address that takes no body', ['PUT /nowhere', length], '', 404, 'not_found'],
] as const

/**
 * Sends a body of that length, piece by piece, until it has or the connection ends; resolves with
 * how much was sent.
 */
async function sendBody(client: RawClient, isChunked: boolean, start: string, size: number): Promise<number> {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const framed = isChunked
    ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
    : piece
  const { socket } = client
  let sent = start.length
  if (start) socket.write(start)
  while (sent < size && client.ending === undefined) {
    const rest = isChunked ? framed : framed.subarray(0, size - sent)
    sent += rest.length
    if (!socket.write(rest)) await drainedOrClosed(socket)
  }
  return sent
}

/**
 * Sends pieces of 64 KiB until there were so many or the connection ends; resolves with how many it
 * sent.
 */
async function sendSlowly(client: RawClient, pieces: number): Promise<number> {
  const piece = Buffer.alloc(64 * 1024)
  let sent = 0
  for (; sent < pieces && client.ending === undefined; sent++) {
    // The pace of a slow client, not a wait for something to happen.
    await setTimeout(20)
    client.socket.write(piece)
  }
  return sent
}

function drainedOrClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      socket.off('drain', settle).off('close', settle)
      resolve()
    }
    socket.on('drain', settle).on('close', settle)
  })
}

describe('a client that sends all of its body without waiting still reads why it was refused', () => {
  it.each(refused)('%s', async (_what, [request, ...fields], start, status, code) => {
    const before = await contentsOf(server.store)
    const client = await RawClient.open(server.port)
    await client.send(head(request, ...fields))
    await sendBody(client, fields[0] === chunked, start, bodyBytes)
    const answer = await client.answer()
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(answer.body.toString())).toMatchObject({ status, code })
    client.socket.destroy()
    await expectContents(server.store, before)
  })

  it.each(refused)(
    '%s, even if it reads nothing before it has sent all',
    async (_what, [request, ...fields], start, status) => {
      const client = await RawClient.open(server.port)
      client.socket.pause()
      await client.send(head(request, ...fields))
      await sendBody(client, fields[0] === chunked, start, bodyBytes)
      if (fields[0] === chunked) await client.send('0\r\n\r\n')
      client.socket.resume()
      expect((await client.answer()).status).toBe(status)
      client.socket.end()
      await client.ended()
      expect(client.ending).toBe('')
    },
  )
})

describe('a client that still sends after it was refused', () => {
  it('reads why after 100 MiB, if it reads nothing before it has sent all', async () => {
    const client = await RawClient.open(server.port)
    client.socket.pause()
    await client.send(head('PUT /files/a', `Content-Length: ${100 * MiB}`))
    await sendBody(client, false, '', 100 * MiB)
    client.socket.resume()
    expect((await client.answer()).status).toBe(413)
    await client.ended()
    expect(client.ending).toBe('')
  })

  it('reads why its headers were too long, if it reads nothing before it has sent the body', async () => {
    const client = await RawClient.open(server.port)
    client.socket.pause()
    await client.send(head('PUT /files/a', length, `X: ${'x'.repeat(20_000)}`))
    await sendBody(client, false, '', bodyBytes)
    client.socket.resume()
    expect((await client.answer()).status).toBe(431)
    client.socket.end()
    await client.ended()
    expect(client.ending).toBe('')
  })

  it('slowly, within the linger timeout, reads why', async () => {
    const client = await RawClient.open(server.port)
    client.socket.pause()
    await client.send(head('PUT /files/a', length))
    await sendSlowly(client, 20)
    client.socket.resume()
    expect((await client.answer()).status).toBe(413)
    client.socket.destroy()
    await expectIdle(server.store)
  })

  it('slowly, for longer than the linger timeout, is cut off', async () => {
    const impatient = await startTestServer({ maxFileSize, lingerTimeoutMs: 300 })
    const client = await RawClient.open(impatient.port)
    await client.send(head('PUT /files/a', length))
    const most = bodyBytes / (64 * 1024)
    expect(await sendSlowly(client, most)).toBeLessThan(most)
    expect((await client.answer()).status).toBe(413)
    await expectIdle(impatient.store)
  })

  it('is cut off if more of its kind come than may be listened to at once, the first before the others', async () => {
    const few = await startTestServer({ maxFileSize, maxLingering: 2 })
    const clients: RawClient[] = []
    for (let index = 0; index < 3; index++) {
      const client = await RawClient.open(few.port)
      await client.send(head('PUT /files/a', length))
      expect((await client.answer()).status).toBe(413)
      clients.push(client)
    }
    const [first, ...others] = clients
    await first?.ended()
    for (const client of others) {
      await sendBody(client, false, '', bodyBytes)
      await client.ended()
      expect(client.ending).toBe('')
    }
  })
})

it('a client that waits for the go-ahead gets its refusal instead', async () => {
  const client = await RawClient.open(server.port)
  await client.send(head('PUT /files/a', length, 'Expect: 100-continue'))
  expect((await client.answer()).status).toBe(413)
  expect(client.received.toString()).not.toContain('100 Continue')
  client.socket.destroy()
})
