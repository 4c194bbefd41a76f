import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { given, KiB, MiB, sample } from '../../http/sample.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { FaultyProxy, type Fault } from '../faulty-proxy.ts'
import { bytesIn, clientOf, freshName } from '../fixtures.ts'
import { runs } from '../../support/runs.ts'

const chunkSize = 64 * KiB
const bytes = sample(10 * chunkSize + 77)
const name = 'read'

/**
 * Bytes that are different where ranges begin, of chunks most of which are alike: they are stored
 * once.
 */
function severalRanges(size: number): Buffer {
  const content = Buffer.alloc(size)
  for (let at = 0; at < size; at += 4 * MiB) sample(100).copy(content, at)
  return content
}

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  await given(server, name, bytes)
})
afterAll(() => server.stop())

describe('read', () => {
  it('gives every range as Blob.slice would', async () => {
    const edge = fc.oneof(
      fc.constantFrom(
        0,
        1,
        -1,
        chunkSize,
        chunkSize - 1,
        chunkSize + 1,
        bytes.length,
        bytes.length + 1,
        -bytes.length,
      ),
      fc.integer({ min: -bytes.length - 10, max: bytes.length + 10 }),
    )
    const run = fc.asyncProperty(
      fc.option(edge),
      fc.option(edge),
      fc.integer({ min: 1, max: 5 }),
      async (from, to, parallel) => {
        const reading = await clientOf(server).read(name, {
          ...(from !== null && { from }),
          ...(to !== null && { to }),
          parallel,
        })
        const expected = bytes.subarray(from ?? 0, to ?? bytes.length)
        expect((await bytesIn(reading.bytes)).equals(expected)).toBe(true)
        expect(reading.to - reading.from).toBe(expected.length)
      },
    )
    await fc.assert(run, { numRuns: runs(60) })
  })

  it('gives nothing of an empty file', async () => {
    const empty = freshName()
    await given(server, empty, '')
    const reading = await clientOf(server).read(empty)
    expect(await bytesIn(reading.bytes)).toHaveLength(0)
    expect(reading.file.size).toBe(0)
  })

  it('gives a file of several ranges in order', async () => {
    const large = severalRanges(20 * MiB + 1)
    const other = freshName()
    await given(server, other, large)
    const reading = await clientOf(server).read(other, { parallel: 3 })
    expect((await bytesIn(reading.bytes)).equals(large)).toBe(true)
  })

  it.each<[title: string, faults: readonly Fault[]]>([
    ['a line that breaks', [{ on: 'GET /files', kind: 'cut-answer', at: 100_000 }]],
    ['a line that keeps breaking', [{ on: 'GET /files', call: 'every', kind: 'cut-answer', at: 100_000 }]],
    ['a lost answer', [{ on: 'GET /files', kind: 'lose-answer' }]],
    ['a connection on which nothing moves', [{ on: 'GET /files', kind: 'hang' }]],
    ['an overloaded server', [{ on: 'GET', kind: 'answer', status: 503 }]],
    ['a chunk list that breaks off', [{ on: 'GET /api', kind: 'cut-answer', at: 300 }]],
  ])('survives %s', async (_, faults) => {
    const proxy = await FaultyProxy.open(server, faults)
    const reading = await clientOf(proxy, { stallTimeoutMs: 300 }).read(name)
    expect((await bytesIn(reading.bytes)).equals(bytes)).toBe(true)
  })

  it('never gives a wrong byte of a whole chunk', async () => {
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET /files', kind: 'flip-answer', at: 3 * chunkSize + 5 },
    ])
    const reading = await clientOf(proxy).read(name)
    await expect(bytesIn(reading.bytes)).rejects.toMatchObject({ code: 'digest_mismatch' })
  })

  it('refuses a chunk list that is not the one of the digest', async () => {
    const info = await clientOf(server).show(name)
    const body = JSON.stringify({ ...info, chunks: [{ start: 0, size: info.size, digest: info.digest }] })
    const proxy = await FaultyProxy.open(server, [{ on: 'GET /api', kind: 'answer', status: 200, body }])
    await expect(clientOf(proxy).read(name)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('says so when the file is gone before all of it is read', async () => {
    const other = freshName()
    await given(server, other, severalRanges(20 * MiB))
    const client = clientOf(server)
    const reading = await client.read(other, { parallel: 1 })
    await client.delete(other)
    await expect(bytesIn(reading.bytes)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('deleted or replaced') as string,
    })
  })

  it('refuses an answer that is not the range that it asked for', async () => {
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET /files', kind: 'answer', status: 200, body: 'all' },
    ])
    const reading = await clientOf(proxy).read(name)
    await expect(bytesIn(reading.bytes)).rejects.toMatchObject({ code: 'internal' })
  })

  it('fetches no more when nobody reads on', async () => {
    const other = freshName()
    await given(server, other, severalRanges(40 * MiB))
    const proxy = await FaultyProxy.open(server)
    const reading = await clientOf(proxy).read(other, { parallel: 2 })
    for await (const piece of reading.bytes) {
      expect(piece.length).toBeGreaterThan(0)
      break
    }
    expect(proxy.seen('GET /files').length).toBeLessThanOrEqual(3)
  })

  it('ends at once when it is told to', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET /files', kind: 'hang', meanwhile: () => controller.abort(reason) },
    ])
    const reading = await clientOf(proxy).read(name, { signal: controller.signal })
    await expect(bytesIn(reading.bytes)).rejects.toBe(reason)
  })
})
