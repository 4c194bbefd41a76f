import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { defaultSpace } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { eventually } from './eventually.ts'
import { head, RawClient } from './raw-client.ts'
import { uploadBytes } from './send-body.ts'
import { contentsOf, expectContents, expectIdle } from './store-contents.ts'

const MiB = 1024 * 1024
const large = sampleChunk(32 * MiB, 1).bytes
const clients = 40

async function stalledDownload(server: TestServer): Promise<RawClient> {
  const client = await RawClient.open(server.port)
  client.socket.pause()
  await client.send(head('GET /files/large'))
  return client
}

async function closeAll(all: readonly RawClient[]): Promise<void> {
  for (const { socket } of all) socket.destroy()
}

describe('beside clients that stand still', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await openTestServer({ chunkSize: 8 * MiB, maxBufferMemory: 16 * MiB })
    await uploadBytes(server.store, 'large', large)
  })
  afterAll(() => server.stop())

  it(`a download does not wait for ${clients} others, and memory stays within its bound`, async () => {
    const { pool, activeDownloads } = server.store
    const stalled = await Promise.all(Array.from({ length: clients }, () => stalledDownload(server)))
    // Each holds on to no more than the piece that is being written to it.
    await eventually(async () => {
      const metrics = await server.metrics.registry.metrics()
      expect(metrics).toMatch(new RegExp(`^ashlar_requests_running ${clients}$`, 'm'))
    })
    const memoryBefore = process.memoryUsage().arrayBuffers
    let most = { leased: 0, memory: 0 }
    const fast = await RawClient.open(server.port)
    fast.socket.on('data', () => {
      most = {
        leased: Math.max(most.leased, pool.leasedBytes),
        memory: Math.max(most.memory, process.memoryUsage().arrayBuffers - fast.length - memoryBefore),
      }
    })
    await fast.send(head('GET /files/large'))
    expect((await fast.answer()).body.equals(large)).toBe(true)
    expect(activeDownloads.inUse).toHaveLength(1)
    expect(stalled.filter(({ ending }) => ending === undefined)).toHaveLength(clients)
    expect(most.leased).toBeLessThanOrEqual(pool.maxBytes)
    expect(most.memory).toBeLessThan(4 * pool.maxBytes)
    await closeAll([...stalled, fast])
    await expectIdle(server.store)
  })

  it(`an upload does not wait for ${clients} others`, async () => {
    const before = await contentsOf(server.store)
    const some = large.subarray(0, MiB)
    const half = large.subarray(large.length / 2)
    const stalled = await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const client = await RawClient.open(server.port)
        await client.send(head(`PUT /files/stalled-${index}`, `Content-Length: ${large.length}`))
        await client.send(some)
        return client
      }),
    )
    await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(14 * MiB))
    const fast = await RawClient.open(server.port)
    await fast.send(head('PUT /files/fast', `Content-Length: ${half.length}`))
    await fast.send(half)
    expect((await fast.answer()).status).toBe(201)
    expect(stalled.filter(({ ending }) => ending === undefined)).toHaveLength(clients)
    await closeAll([...stalled, fast])
    await expectIdle(server.store)
    const [file] = (await server.store.catalog.listFiles({ space: defaultSpace, prefix: 'fast', limit: 1 }))
      .files
    await server.store.catalog.deleteFile(defaultSpace, { id: file!.id })
    await expectContents(server.store, before)
  })
})

// Most of their time they wait for timeouts: side by side, each with a server of its own.
describe.concurrent('a client that stands still', () => {
  it('and does not read is cut off, before the end of the file', async ({ onTestFinished }) => {
    const server = await openTestServer({ chunkSize: 8 * MiB, stallTimeoutMs: 400 })
    onTestFinished(server.stop)
    await uploadBytes(server.store, 'large', large)
    const stalled = await Promise.all(Array.from({ length: 5 }, () => stalledDownload(server)))
    await eventually(async () => expect(await cutOffs(server)).toBe(5))
    await expectIdle(server.store)
    for (const client of stalled) {
      client.socket.resume()
      await client.ended()
      expect(client.length).toBeLessThan(large.length)
    }
  })

  const form = 'Content-Type: multipart/form-data; boundary=cut'
  const part = '--cut\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
  const change = ['Content-Type: application/json', 'Content-Length: 1000']
  const requests: Readonly<Record<string, readonly [start: string, some: string]>> = {
    'PUT with a length': [head('PUT /files/a', 'Content-Length: 1000000'), 'some bytes'],
    'PUT without': [head('PUT /files/a', 'Transfer-Encoding: chunked'), '4\r\nsome\r\n'],
    'PUT of nothing yet': [head('PUT /files/a', 'Content-Length: 1000000'), ''],
    form: [head('POST /files', form, 'Content-Length: 1000000'), `${part}some bytes`],
    'form of nothing yet': [head('POST /files', form, 'Content-Length: 1000000'), ''],
    change: [head('PATCH /api/files/a', ...change), '{"name":'],
    'compressed change': [head('PATCH /api/files/a', ...change, 'Content-Encoding: gzip'), '\x1f'],
  }
  it.for(Object.entries(requests))(
    'in a %s is told, and cut off',
    async ([, [start, some]], { onTestFinished }) => {
      const server = await openTestServer({ stallTimeoutMs: 400 })
      onTestFinished(server.stop)
      const before = await contentsOf(server.store)
      const client = await RawClient.open(server.port)
      await client.send(start)
      if (some) await client.send(some)
      const { status, headers, body } = await client.answer()
      expect({ status, connection: headers['connection'] }).toEqual({ status: 408, connection: 'close' })
      expect(JSON.parse(body.toString())).toMatchObject({ status: 408, code: 'timeout' })
      await client.ended()
      expect(await cutOffs(server)).toBe(1)
      await expectContents(server.store, before)
    },
  )

  it('and sends nothing at all is cut off', async ({ onTestFinished }) => {
    const server = await openTestServer({ stallTimeoutMs: 400 })
    onTestFinished(server.stop)
    const client = await RawClient.open(server.port)
    await client.ended()
    expect(client.length).toBe(0)
  })
})

describe.concurrent('a client that moves', () => {
  it('slowly but steadily while it sends is not cut off', async ({ onTestFinished }) => {
    const server = await openTestServer({ stallTimeoutMs: 800 })
    onTestFinished(server.stop)
    const client = await RawClient.open(server.port)
    const { bytes } = sampleChunk(1000, 2)
    await client.send(head('PUT /files/slow', `Content-Length: ${bytes.length}`))
    for (let at = 0; at < bytes.length; at += 100) {
      await pause(100)
      await client.send(bytes.subarray(at, at + 100))
    }
    expect((await client.answer()).status).toBe(201)
  })

  it('slowly but steadily while it reads is not cut off', async ({ onTestFinished }) => {
    const server = await openTestServer({ chunkSize: 8 * MiB, stallTimeoutMs: 600 })
    onTestFinished(server.stop)
    await uploadBytes(server.store, 'large', large)
    const client = await stalledDownload(server)
    let hasSlept = 0
    client.socket.on('data', () => {
      if (client.length < hasSlept * 4 * MiB) return
      hasSlept += 1
      client.socket.pause()
      setTimeout(() => client.socket.resume(), 100)
    })
    client.socket.resume()
    expect((await client.answer()).body.equals(large)).toBe(true)
    expect(await cutOffs(server)).toBe(0)
  })
})

describe.concurrent('while the server is the slow one', () => {
  it('a download waits, alone or behind another request, and an upload that was sent whole, or of which it takes no more', async ({
    onTestFinished,
  }) => {
    /** Reads and puts hang while it is closed. */
    const gate = Promise.withResolvers<void>()
    let isOpen = true
    const passed = () => (isOpen ? Promise.resolve() : gate.promise)
    const wrapChunks = (chunks: ChunkStore): ChunkStore => ({
      put: async (...call) => passed().then(() => chunks.put(...call)),
      read: async (...call) => passed().then(() => chunks.read(...call)),
      delete: (...call) => chunks.delete(...call),
      list: (...call) => chunks.list(...call),
      close: () => chunks.close(),
    })
    const server = await openTestServer({ stallTimeoutMs: 600, maxBufferMemory: 8 * MiB, wrapChunks })
    onTestFinished(server.stop)
    // Before that, also if the test has failed.
    onTestFinished(() => gate.resolve())
    const small = sampleChunk(1000, 3).bytes
    await uploadBytes(server.store, 'small', small)
    isOpen = false

    const alone = await RawClient.open(server.port)
    await alone.send(head('GET /files/small'))
    const behind = await RawClient.open(server.port)
    await behind.send(head('GET /healthz') + head('GET /files/small'))
    expect((await behind.answer()).status).toBe(200)
    await eventually(() => expect(server.store.reading.running).toBe(2))
    // The second fills the memory: the first has its place before.
    const uploads: RawClient[] = []
    const sent: Promise<void>[] = []
    for (const size of [2000, 16 * MiB]) {
      const client = await RawClient.open(server.port)
      const leased = server.store.pool.leasedBytes
      await client.send(head(`PUT /files/${size}`, `Content-Length: ${size}`))
      sent.push(client.send(sampleChunk(size, 4).bytes))
      await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(leased))
      uploads.push(client)
    }
    // Two that stand still are cut off, one after the other.
    for (let cut = 0; cut < 2; cut++) await (await RawClient.open(server.port)).ended()
    for (const client of [alone, behind, ...uploads]) expect(client.ending).toBeUndefined()

    gate.resolve()
    for (const client of [alone, behind]) expect((await client.answer()).body.equals(small)).toBe(true)
    await Promise.all(sent)
    for (const client of uploads) expect((await client.answer()).status).toBe(201)
  })
})

async function cutOffs(server: TestServer): Promise<number> {
  const metrics = await server.metrics.registry.metrics()
  return Number(/^ashlar_clients_cut_off_total (\d+)$/m.exec(metrics)?.[1])
}

/** The pace of a slow client, not a wait for something to happen. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
