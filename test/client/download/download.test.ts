import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileTarget } from '../../../src/client/node.ts'
import { given, KiB, MiB, sample } from '../../http/sample.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { FaultyProxy, type Fault } from '../faulty-proxy.ts'
import { clientOf, freshName, memoryTarget, progressOf } from '../fixtures.ts'

const chunkSize = 256 * KiB
const bytes = sample(17 * MiB + 99)
const size = bytes.length
const name = 'download'
/** Of two ranges. */
const short = sample(9 * MiB + 99)

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  await given(server, name, bytes)
  await given(server, 'short', short)
})
afterAll(() => server.stop())

describe('download', () => {
  it('writes the file at its offsets, and tells how far it is', async () => {
    const target = memoryTarget(size)
    const transfer = clientOf(server).download(name, target)
    const [file, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(file).toEqual(await clientOf(server).show(name))
    expect(target.bytes.equals(bytes)).toBe(true)
    expect(target.isFinished).toBe(true)
    expect(target.written).toBe(size)
    const done = progress.map((entry) => entry.done)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
  })

  it.each([
    ['an empty file', 0],
    ['one byte', 1],
    ['exactly one chunk', chunkSize],
  ])('writes %s', async (_, length) => {
    const small = freshName()
    const content = sample(length)
    await given(server, small, content)
    const target = memoryTarget(length)
    await clientOf(server).download(small, target).result
    expect(target.bytes.equals(content)).toBe(true)
    expect(target.isFinished).toBe(true)
  })

  it.each<[title: string, spoil: (partial: Buffer) => Buffer, missing: number]>([
    ['all of it', (partial) => partial, 0],
    ['its beginning', (partial) => partial.subarray(0, 5 * chunkSize), short.length - 5 * chunkSize],
    [
      'its beginning, cut in a chunk',
      (partial) => partial.subarray(0, 5 * chunkSize + 7),
      short.length - 5 * chunkSize,
    ],
    [
      'a damaged byte',
      (partial) => partial.fill(partial[7 * chunkSize]! ^ 1, 7 * chunkSize, 7 * chunkSize + 1),
      chunkSize,
    ],
    ['a hole', (partial) => partial.fill(0, 3 * chunkSize, 9 * chunkSize), 6 * chunkSize],
    ['more than it', (partial) => Buffer.concat([partial, Buffer.alloc(9)]), 0],
  ])('fetches only what is missing of a file that has %s', async (_, spoil, missing) => {
    const path = join(await temporaryDirectory(), 'target')
    await writeFile(path, spoil(Buffer.from(short)))
    const target = await fileTarget(path)
    const transfer = clientOf(server).download('short', target)
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    await target.close()
    expect((await readFile(path)).equals(short)).toBe(true)
    expect(progress.at(-1)).toEqual({
      done: short.length,
      reused: short.length - missing,
      total: short.length,
    })
  })

  it.each<[title: string, faults: readonly Fault[]]>([
    ['a line that breaks', [{ on: 'GET /files', kind: 'cut-answer', at: MiB }]],
    ['a line that keeps breaking', [{ on: 'GET /files', call: 'every', kind: 'cut-answer', at: MiB }]],
    ['a connection on which nothing moves', [{ on: 'GET /files', kind: 'hang' }]],
    [
      'an overloaded server',
      [{ on: 'GET /files', kind: 'answer', status: 503, headers: { 'Retry-After': '0' } }],
    ],
  ])('survives %s, and writes nothing twice', async (_, faults) => {
    const proxy = await FaultyProxy.open(server, faults)
    const target = memoryTarget(size)
    await clientOf(proxy, { stallTimeoutMs: 300 }).download(name, target).result
    expect(target.bytes.equals(bytes)).toBe(true)
    expect(target.written).toBe(size)
  })

  it('does not finish a file with a bit that was flipped on the way, and mends it the next time', async () => {
    const proxy = await FaultyProxy.open(server, [{ on: 'GET /files', kind: 'flip-answer', at: MiB + 1 }])
    const target = memoryTarget(size)
    await expect(clientOf(proxy).download(name, target).result).rejects.toMatchObject({
      code: 'digest_mismatch',
    })
    expect(target.isFinished).toBe(false)
    const again = memoryTarget(size, target.bytes)
    await clientOf(proxy).download(name, again).result
    expect(again.bytes.equals(bytes)).toBe(true)
    expect(again.isFinished).toBe(true)
  })

  it('rejects with what the target fails with, and does not try again', async () => {
    const failure = new Error('disk full')
    const retries: unknown[] = []
    const full = { ...memoryTarget(size), write: () => Promise.reject(failure) }
    const client = clientOf(server, { onRetry: (error) => retries.push(error) })
    await expect(client.download(name, full).result).rejects.toBe(failure)
    expect(retries).toEqual([])
  })

  it('ends at once when it is told to', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET /files', call: 2, kind: 'hang', meanwhile: () => controller.abort(reason) },
    ])
    const { result } = clientOf(proxy).download(name, memoryTarget(size), { signal: controller.signal })
    await expect(result).rejects.toBe(reason)
  })

  it('rejects what is not there', async () => {
    const { result } = clientOf(server).download('nothing', memoryTarget(0))
    await expect(result).rejects.toMatchObject({ code: 'not_found' })
  })
})
