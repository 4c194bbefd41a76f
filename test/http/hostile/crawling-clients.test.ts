import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi, type TestContext } from 'vitest'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { expectIdle } from '../../robustness/store-contents.ts'
import { openTestServer, startTestServer, type TestServerOptions } from '../../support/test-server.ts'

const limits = { stallTimeoutMs: 400, minUploadRate: 500 }
/** What has to come within the stall timeout. */
const leastBytes = 200

/**
 * Sends so many bytes every 20 ms until the connection ends, or `total` have been sent. A late
 * timer is made up for: the rate holds on a busy machine, too.
 */
async function crawl(client: RawClient, bytes: Buffer, total: number): Promise<void> {
  const begun = performance.now()
  for (let sent = 0; sent < total && client.ending === undefined; await pause(20)) {
    const due = 1 + Math.floor((performance.now() - begun) / 20)
    for (; sent < Math.min(total, due * bytes.length); sent += bytes.length) client.socket.write(bytes)
  }
}

/** The pace of a slow client, not a wait for something to happen. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Of a test that runs beside others. */
async function openServer({ onTestFinished: onFinished }: TestContext, options: TestServerOptions) {
  const server = await openTestServer(options)
  onFinished(server.stop)
  return server
}

// They wait for timeouts.
describe.concurrent('a client that never stands still', () => {
  it.for([
    ['with a length', head('PUT /files/a', 'Content-Length: 1000000'), 'x'],
    ['of chunks', head('PUT /files/a', 'Transfer-Encoding: chunked'), ''],
    [
      'as a form',
      head('POST /files', 'Content-Type: multipart/form-data; boundary=cut', 'Content-Length: 1000000'),
      'x',
    ],
  ] as const)(
    'but sends a body %s more slowly than it must is told, and cut off',
    async ([, start, byte], context) => {
      const server = await openServer(context, limits)
      const client = await RawClient.open(server.port)
      await client.send(start)
      const crawling = crawl(client, Buffer.from(byte || '1;'), 10_000)
      const { status, body } = await client.answer()
      expect(status).toBe(408)
      expect(JSON.parse(body.toString())).toMatchObject({ code: 'timeout' })
      client.socket.destroy()
      await crawling
      await expectIdle(server.store)
      expect(await server.metrics.registry.metrics()).toMatch(/^ashlar_clients_cut_off_total 1$/m)
    },
  )

  it('and is just fast enough keeps its connection', async (context) => {
    const server = await openServer(context, limits)
    const client = await RawClient.open(server.port)
    // Twice what it must send: the machine may be slow. For three stall timeouts.
    const piece = Buffer.alloc((2 * leastBytes) / 20, 'x')
    const total = 60 * piece.length
    await client.send(head('PUT /files/a', `Content-Length: ${total}`))
    await crawl(client, piece, total)
    expect((await client.answer('PUT')).status).toBe(201)
  })

  it('while it sends its headers has a limited time for them', async (context) => {
    const server = await openServer(context, { headersTimeoutMs: 200 })
    const client = await RawClient.open(server.port)
    await client.send('GET /healthz HTTP/1.1\r\n')
    const crawling = crawl(client, Buffer.from('X: y\r\n'), 10_000)
    expect((await client.answer()).status).toBe(408)
    client.socket.destroy()
    await crawling
  })
})

it('a client that never stands still for many stall timeouts leaves one listener at its request', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const stallTimeoutMs = 10_000
  const server = await startTestServer({ stallTimeoutMs })
  const requests: IncomingMessage[] = []
  const onRequest = (message: unknown) => requests.push((message as { request: IncomingMessage }).request)
  subscribe('http.server.request.start', onRequest)
  onTestFinished(() => void unsubscribe('http.server.request.start', onRequest))
  const client = await RawClient.open(server.port)
  await client.send(`${head('PUT /files/a', 'Content-Length: 2')}x`)
  await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(0))
  const [req] = requests
  const before = req?.listenerCount('pause')
  for (let look = 0; look < 20; look++) {
    vi.advanceTimersByTime(stallTimeoutMs)
    await setImmediate()
  }
  expect(req?.listenerCount('pause')).toBe(1 + before!)
  await client.send('x')
  expect((await client.answer('PUT')).status).toBe(201)
  client.socket.destroy()
})
