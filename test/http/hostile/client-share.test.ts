import { Agent } from 'node:http'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { request } from '../../support/http-request.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'

const maxRequests = 10
let server: TestServer

/** Of all of 127.0.0.0/8, as Linux has it; elsewhere there is only one address. */
const other = new Agent({ localAddress: '127.0.0.2' })

async function stall(count: number): Promise<readonly RawClient[]> {
  const clients: RawClient[] = []
  for (let index = 0; index < count; index++) {
    const client = await RawClient.open(server.port)
    onTestFinished(() => void client.socket.destroy())
    await client.send(head(`PUT /files/${index}`, 'Content-Length: 1000'))
    clients.push(client)
  }
  return clients
}

const readByOther = async () => (await request(server, 'GET', '/healthz', { agent: other })).status
const running = async () => {
  const text = await server.metrics.registry.metrics()
  return Number(/^ashlar_requests_running (\d+)$/m.exec(text)?.[1])
}

describe.runIf(process.platform === 'linux')('a client that stalls all of its uploads', () => {
  beforeEach(async () => {
    server = await startTestServer({ maxRequests, maxConnections: maxRequests, maxRequestsPerClient: 3 })
  })

  it('has half of all requests at most, so that others are served', async () => {
    const clients = await stall(3 * maxRequests)
    expect((await clients[5]!.answer()).status).toBe(503)
    for (let count = 0; count < 20; count++) expect(await readByOther()).toBe(200)
    await expect.poll(running, { interval: 5 }).toBeGreaterThanOrEqual(5)
  })

  it('has more than its share while half of the requests are free', async () => {
    await stall(5)
    await expect.poll(running, { interval: 5 }).toBe(5)
    expect(await readByOther()).toBe(200)
  })
})
