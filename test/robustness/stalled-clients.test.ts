import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { soleOwner } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { openTestServer, startTestServer, type TestServer } from '../support/test-server.ts'
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
    const { pool, openFiles } = server.store
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
    expect(openFiles.inUse).toHaveLength(1)
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
    const [file] = (await server.store.catalog.listFiles({ owner: soleOwner, prefix: 'fast', limit: 1 }))
      .files
    await server.store.catalog.deleteFile(soleOwner, { id: file!.id })
    await expectContents(server.store, before)
  })
})

describe('a client that stands still', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await openTestServer({ chunkSize: 8 * MiB, stallTimeoutMs: 400 })
  })
  afterAll(() => server.stop())

  it('and does not read is cut off, before the end of the file', async () => {
    const cutOffsBefore = await cutOffs(server)
    await uploadBytes(server.store, 'large', large)
    const stalled = await Promise.all(Array.from({ length: 5 }, () => stalledDownload(server)))
    await eventually(async () => expect(await cutOffs(server)).toBe(cutOffsBefore + 5))
    await expectIdle(server.store)
    for (const client of stalled) {
      client.socket.resume()
      await client.ended()
      expect(client.length).toBeLessThan(large.length)
    }
  })

  const form = 'Content-Type: multipart/form-data; boundary=cut'
  const part = '--cut\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
  it.each([
    ['PUT with a length', head('PUT /files/a', 'Content-Length: 1000000'), 'some bytes'],
    ['PUT without', head('PUT /files/a', 'Transfer-Encoding: chunked'), '4\r\nsome\r\n'],
    ['PUT of nothing yet', head('PUT /files/a', 'Content-Length: 1000000'), ''],
    ['form', head('POST /files', form, 'Content-Length: 1000000'), `${part}some bytes`],
    ['form of nothing yet', head('POST /files', form, 'Content-Length: 1000000'), ''],
    [
      'change',
      head('PATCH /api/files/a', 'Content-Type: application/json', 'Content-Length: 1000'),
      '{"name":',
    ],
    [
      'compressed change',
      head(
        'PATCH /api/files/a',
        'Content-Type: application/json',
        'Content-Encoding: gzip',
        'Content-Length: 1000',
      ),
      '\x1f',
    ],
  ])('in a %s is told, and cut off', async (_what, start, some) => {
    const before = await contentsOf(server.store)
    const cutOffsBefore = await cutOffs(server)
    const client = await RawClient.open(server.port)
    await client.send(start)
    if (some) await client.send(some)
    const { status, headers, body } = await client.answer()
    expect({ status, connection: headers['connection'] }).toEqual({ status: 408, connection: 'close' })
    expect(JSON.parse(body.toString())).toMatchObject({ status: 408, code: 'timeout' })
    await client.ended()
    expect(await cutOffs(server)).toBe(cutOffsBefore + 1)
    await expectContents(server.store, before)
  })

  it('and sends nothing at all is cut off', async () => {
    const client = await RawClient.open(server.port)
    await client.ended()
    expect(client.length).toBe(0)
  })
})

describe('a client that moves', () => {
  it('slowly but steadily while it sends is not cut off', async () => {
    const server = await startTestServer({ stallTimeoutMs: 800 })
    const client = await RawClient.open(server.port)
    const { bytes } = sampleChunk(1000, 2)
    await client.send(head('PUT /files/slow', `Content-Length: ${bytes.length}`))
    for (let at = 0; at < bytes.length; at += 100) {
      await pause(100)
      await client.send(bytes.subarray(at, at + 100))
    }
    expect((await client.answer()).status).toBe(201)
  })

  it('slowly but steadily while it reads is not cut off', async () => {
    const server = await startTestServer({ chunkSize: 8 * MiB, stallTimeoutMs: 600 })
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

describe('while the server is the slow one', () => {
  const small = sampleChunk(1000, 3).bytes

  let server: TestServer
  /** Reads and puts hang while it is closed. */
  let gate = Promise.withResolvers<void>()
  const wrapChunks = (chunks: ChunkStore): ChunkStore => ({
    put: async (...call) => gate.promise.then(() => chunks.put(...call)),
    read: async (...call) => gate.promise.then(() => chunks.read(...call)),
    delete: (...call) => chunks.delete(...call),
    list: (...call) => chunks.list(...call),
    close: () => chunks.close(),
  })
  beforeAll(async () => {
    server = await openTestServer({ stallTimeoutMs: 600, maxBufferMemory: 8 * MiB, wrapChunks })
    gate.resolve()
    await uploadBytes(server.store, 'small', small)
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    gate = Promise.withResolvers()
  })

  /** Fails unless the client is still there when two that stood still have been cut off, one after the other. */
  async function expectPatience(client: RawClient): Promise<void> {
    for (let cut = 0; cut < 2; cut++) await (await RawClient.open(server.port)).ended()
    expect(client.ending).toBeUndefined()
    gate.resolve()
  }

  it.each([
    ['alone', []],
    ['behind another request', [head('GET /healthz')]],
  ])('a download %s waits', async (_what, first) => {
    const client = await RawClient.open(server.port)
    await client.send([...first, head('GET /files/small')].join(''))
    for (const _request of first) expect((await client.answer()).status).toBe(200)
    await expectPatience(client)
    expect((await client.answer()).body.equals(small)).toBe(true)
  })

  it.each([
    ['that was sent whole', 2000],
    ['of which it takes no more', 16 * MiB],
  ])('an upload %s waits', async (_what, size) => {
    const { bytes } = sampleChunk(size, 4)
    const client = await RawClient.open(server.port)
    await client.send(head(`PUT /files/${size}`, `Content-Length: ${size}`))
    const sent = client.send(bytes)
    await expectPatience(client)
    await sent
    expect((await client.answer()).status).toBe(201)
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
