import { describe, expect, it } from 'vitest'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { expectIdle } from '../../robustness/store-contents.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'

/** A client that is in the middle of a request. */
async function busyClient(server: TestServer, name: string): Promise<RawClient> {
  const client = await RawClient.open(server.port)
  await client.send(`${head(`PUT /files/${name}`, 'Content-Length: 4')}so`)
  return client
}

async function busyClients(server: TestServer, count: number): Promise<readonly RawClient[]> {
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => busyClient(server, `${index}`)),
  )
  await eventually(async () => expect(await running(server)).toBe(count))
  return clients
}

async function running(server: TestServer): Promise<number> {
  const metrics = await server.metrics.registry.metrics()
  return Number(/^ashlar_requests_running (\d+)$/m.exec(metrics)?.[1])
}

async function expectServed(client: RawClient): Promise<void> {
  await client.send(head('GET /healthz'))
  expect((await client.answer()).status).toBe(200)
}

/** Asks for something, and fails unless the answer says that there is too much to do. */
async function expectRefused(client: RawClient, connection: string | undefined): Promise<void> {
  await client.send(head('GET /healthz'))
  const { status, headers, body } = await client.answer()
  expect(status).toBe(503)
  expect(headers['retry-after']).toMatch(/^\d+$/)
  expect(headers['connection']).toBe(connection)
  expect(JSON.parse(body.toString())).toMatchObject({ code: 'overloaded' })
}

async function expectStored(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) {
    await client.send('me')
    expect((await client.answer('PUT')).status).toBe(201)
  }
}

describe('when there are as many connections as there may be', () => {
  it('one that is idle gives way to a new one, the one that has been idle longest', async () => {
    const server = await startTestServer({ maxConnections: 3 })
    const clients = [await RawClient.open(server.port), await RawClient.open(server.port)]
    for (const client of clients) await expectServed(client)
    const [first, second] = clients as [RawClient, RawClient]
    const silent = await RawClient.open(server.port)
    // It came before the silent one, and after that it has been used.
    await expectServed(first)
    const newcomer = await RawClient.open(server.port)
    await second.ended()
    await expectServed(newcomer)
    await expectServed(await RawClient.open(server.port))
    await silent.ended()
    expect(first.ending).toBeUndefined()
  })

  it('and none is idle, a new connection gets a 503 and ends, and the others are served', async () => {
    const server = await startTestServer({ maxConnections: 3 })
    const clients = await busyClients(server, 3)
    const newcomer = await RawClient.open(server.port)
    await expectRefused(newcomer, 'close')
    await newcomer.ended()
    await expectStored(clients)
    await expectServed(await RawClient.open(server.port))
  })

  it('hundreds of new ones that say nothing do not keep it from serving again', async () => {
    const server = await startTestServer({ maxConnections: 3 })
    const clients = await busyClients(server, 3)
    const silent = await Promise.all(Array.from({ length: 300 }, () => RawClient.open(server.port)))
    // Past those that would be told so, they are closed.
    await eventually(() => expect(silent.filter(({ ending }) => ending !== undefined)).toHaveLength(44))
    await expectStored(clients)
    for (const { socket } of silent) socket.destroy()
    await expectServed(clients[0]!)
    await expectIdle(server.store)
  })
})

describe('when there are as many requests as there may be', () => {
  it('another is refused, and taken once one of them has ended', async () => {
    const server = await startTestServer({ maxRequests: 2 })
    const waiting = await RawClient.open(server.port)
    const clients = await busyClients(server, 1)
    await expectServed(waiting)
    const second = await busyClient(server, 'second')
    await eventually(async () => expect(await running(server)).toBe(2))
    await expectRefused(waiting, 'keep-alive')
    await expectStored([...clients, second])
    await expectServed(waiting)
  })

  it('of one connection, they are answered, and with one more it is ended', async () => {
    const server = await startTestServer({ maxPipelinedRequests: 5 })
    const client = await RawClient.open(server.port)
    await client.send(head('GET /healthz').repeat(5))
    for (let count = 0; count < 5; count++) expect((await client.answer()).status).toBe(200)
    await client.send(head('GET /healthz').repeat(1000))
    await client.ended()
    await expectServed(await RawClient.open(server.port))
    expect(await running(server)).toBe(0)
  })
})
