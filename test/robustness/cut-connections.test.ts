import assert from 'node:assert/strict'
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { defaultSpace, type FileName } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { bodies } from './bodies.ts'
import { eventually } from './eventually.ts'
import { head, RawClient } from './raw-client.ts'
import { uploadBytes } from './send-body.ts'
import { contentsOf, expectContents, expectIdle, type StoreContents } from './store-contents.ts'

const chunkSize = 128 * 1024
const { bytes } = sampleChunk(2 * chunkSize + 1000, 1)
const large = sampleChunk(3 * 1024 * 1024 + 5, 2).bytes

/** A client that goes away in order, and one whose machine died. */
const cuts = {
  ends: (client: RawClient) => client.socket.end(),
  closes: (client: RawClient) => client.socket.destroy(),
  resets: (client: RawClient) => client.socket.resetAndDestroy(),
} as const

let server: TestServer
let before: StoreContents
let descriptors: number

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  await uploadBytes(server.store, 'large', large)
  // What is opened once and then kept.
  for (const body of Object.values(bodies)) {
    const client = await RawClient.open(server.port)
    await client.send(body('cut', bytes).bytes)
    assert.equal((await client.answer()).status, 201)
    await client.send(head('GET /files/large'))
    await client.answer()
    client.socket.destroy()
    await removeAll()
  }
  await expectIdle(server.store)
  await eventually(async () => assert.equal((await collectGarbage(server.store)).chunks, 0))
  before = await contentsOf(server.store)
  await eventually(async () => {
    const now = await openDescriptors()
    const wasSteady = now === descriptors
    descriptors = now
    assert(wasSteady)
  })
})
afterEach(removeAll)
afterAll(() => server.stop())

/** Without the directories of shards, which are opened when they are first used, and then kept. */
async function openDescriptors(): Promise<number> {
  const open = await readdir('/proc/self/fd')
  const paths = await Promise.all(
    open.map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => undefined)),
  )
  return paths.filter((path) => path && !/\/chunks\/[0-9a-f]{2}$/.test(path)).length
}

/** What is there beside the large file. */
async function names(): Promise<readonly FileName[]> {
  const { files } = await server.store.catalog.listFiles({ space: defaultSpace, prefix: 'cut', limit: 100 })
  return files.map(({ name }) => name)
}

async function removeAll(): Promise<void> {
  for (const name of await names()) await server.store.catalog.deleteFile(defaultSpace, { name })
}

/** Nothing is connected and nothing is worked on. */
async function expectRest(): Promise<void> {
  await eventually(async () => {
    // A chunk file may stay open as long as it is there.
    await collectGarbage(server.store)
    expect(await openDescriptors()).toBe(descriptors)
  })
  await expectIdle(server.store)
}

/** Nor has anything been kept: what a client left behind at any time would still be there. */
async function expectNoTrace(): Promise<void> {
  await expectRest()
  await expectContents(server.store, before)
}

const kinds = Object.keys(bodies) as (keyof typeof bodies)[]
const ways = Object.keys(cuts) as (keyof typeof cuts)[]

describe.each(ways)('a client that %s', (way) => {
  it.each(kinds)('anywhere in an upload by %s leaves nothing', async (kind) => {
    const { bytes: request, headLength } = bodies[kind]('cut', bytes)
    const inBody = [0, 1, 100, 300, 65_536, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize]
    // Behind the last boundary a form is complete.
    const last = request.length - (kind === 'multipart/form-data' ? '-\r\n'.length + 1 : 1)
    const positions = [0, 1, headLength - 1, ...inBody.map((at) => headLength + at), last]
    for (const position of positions) {
      const client = await RawClient.open(server.port)
      if (position > 0) await client.send(request.subarray(0, position))
      cuts[way](client)
      await expectRest()
    }
    await expectNoTrace()
  })

  it.each(kinds)('right behind an upload by %s leaves all of it or nothing', async (kind) => {
    const { bytes: request } = bodies[kind]('cut', bytes)
    const client = await RawClient.open(server.port)
    await client.send(request)
    cuts[way](client)
    await expectRest()
    // Waits for its turn behind whatever the catalog is still doing for the client.
    await contentsOf(server.store)
    const kept = (await names()).length
    expect([0, kind === 'multipart/form-data' ? 2 : 1]).toContain(kept)
    await removeAll()
    await expectNoTrace()
  })

  it('anywhere in a download leaves nothing', async () => {
    const request = head('GET /files/large')
    for (const sent of [1, request.length - 1]) {
      const client = await RawClient.open(server.port)
      await client.send(request.slice(0, sent))
      cuts[way](client)
      await expectRest()
    }
    for (const received of [0, 1, 1000, 65_536, 1024 * 1024, 2 * 1024 * 1024 + 1, large.length]) {
      const client = await RawClient.open(server.port)
      await client.send(request)
      await client.receive(received)
      cuts[way](client)
      await expectRest()
    }
    await expectNoTrace()
  })

  it('with several requests in a row leaves nothing', async () => {
    const client = await RawClient.open(server.port)
    client.socket.pause()
    await client.send(head('GET /files/large').repeat(5))
    await eventually(() => expect(server.store.activeDownloads.inUse).toHaveLength(1))
    client.socket.resume()
    await client.receive(1000)
    cuts[way](client)
    await expectNoTrace()
  })

  it('in the middle of a chunk list leaves nothing', async () => {
    const client = await RawClient.open(server.port)
    await client.send(head('GET /api/files/large?chunks=1'))
    cuts[way](client)
    await expectNoTrace()
  })
})

it('counts no request as running when all have ended', async () => {
  await eventually(async () => {
    const metrics = await server.metrics.registry.metrics()
    expect(metrics).toMatch(/^ashlar_requests_running 0$/m)
  })
})
