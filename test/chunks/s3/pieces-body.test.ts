import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { PiecesBody } from '../../../src/chunks/s3/pieces-body.ts'

const MiB = 1024 * 1024

interface Receiver {
  readonly port: number
  /** The requests that came, in their order. */
  readonly requests: readonly http.IncomingMessage[]
}

/** Reads nothing and answers nothing by itself. */
async function receiver(): Promise<Receiver> {
  const requests: http.IncomingMessage[] = []
  const listener = http.createServer((req) => requests.push(req)).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  onTestFinished(() => {
    listener.close()
    listener.closeAllConnections()
  })
  return { port: (listener.address() as AddressInfo).port, requests }
}

function send(port: number, pieces: readonly Buffer[], agent?: http.Agent) {
  const body = new PiecesBody(pieces)
  const size = pieces.reduce((total, { length }) => total + length, 0)
  const request = http.request({
    port,
    host: '127.0.0.1',
    method: 'PUT',
    headers: { 'Content-Length': size },
    ...(agent && { agent }),
  })
  request.on('error', () => {
    // What a request says that was destroyed is not looked at here.
  })
  body.pipe(request)
  return { body, request }
}

it('sends the pieces in their order, empty ones among them', async () => {
  const { port, requests } = await receiver()
  const pieces = ['', 'a', 'bc', '', 'def', ''].map((text) => Buffer.from(text))
  const { body } = send(port, pieces)
  await expect.poll(() => requests).toHaveLength(1)
  expect((await buffer(requests[0]!)).toString()).toBe('abcdef')
  await body.release()
})

it('is released at once if it was never sent', async () => {
  await expect(new PiecesBody([Buffer.from('abc')]).release()).resolves.toBeUndefined()
})

it('leaves a request alone that has sent it', async () => {
  const { port, requests } = await receiver()
  const { body, request } = send(port, [Buffer.from('abc')])
  await once(request, 'finish')
  await body.release()
  expect(request.destroyed).toBe(false)
  await expect.poll(() => requests).toHaveLength(1)
})

it('is no longer read once it is released during sending', async () => {
  const { port, requests } = await receiver()
  // More than the system's buffers take.
  const pieces = Array.from({ length: 64 }, () => Buffer.alloc(MiB, 1))
  const { body, request } = send(port, pieces)
  await expect.poll(() => requests).toHaveLength(1)
  await body.release()
  expect(request.destroyed).toBe(true)
  for (const piece of pieces) piece.fill(2)
  let received = 0
  let isUntouched = true
  const reading = async () => {
    for await (const bytes of requests[0]! as AsyncIterable<Buffer>) {
      received += bytes.length
      isUntouched &&= bytes.every((byte) => byte === 1)
    }
  }
  await expect(reading()).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(isUntouched).toBe(true)
  expect(received).toBeLessThan(64 * MiB)
})

it('is not sent at all once it is released while its request waits for a connection', async () => {
  const { port, requests } = await receiver()
  const agent = new http.Agent({ maxSockets: 1, keepAlive: true })
  onTestFinished(() => agent.destroy())
  const first = send(port, [Buffer.from('first')], agent)
  const second = send(port, [Buffer.from('second')], agent)
  await expect.poll(() => requests).toHaveLength(1)
  await second.body.release()
  first.request.destroy()
  const third = send(port, [Buffer.from('third')], agent)
  await expect.poll(() => requests).toHaveLength(2)
  expect((await buffer(requests[1]!)).toString()).toBe('third')
  await third.body.release()
})

it('can be read in no other way', async () => {
  const body = new PiecesBody([Buffer.from('abc')])
  await expect(buffer(body)).rejects.toBeInstanceOf(TypeError)
})
