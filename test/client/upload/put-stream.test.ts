import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, given, inPieces, MiB, sample } from '../../http/sample.ts'
import { request } from '../../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { FaultyProxy, type Fault } from '../faulty-proxy.ts'
import { clientOf, freshName, progressOf } from '../fixtures.ts'

async function* onceAndNeverAgain(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(1000)
  await new Promise(() => {})
}

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize: MiB })
})
afterAll(() => server.stop())

describe('putStream', () => {
  it.each([
    ['nothing', 0],
    ['one byte', 1],
    ['exactly what is held', 8 * MiB],
    ['one byte more', 8 * MiB + 1],
    ['exactly twice what is held', 16 * MiB],
  ])('stores %s', async (_, size) => {
    const name = freshName()
    const bytes = sample(size)
    const transfer = clientOf(server).putStream(name, inPieces(bytes, 100_001), { metadata: { a: 'b' } })
    const [file, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(file).toMatchObject({ name, size, metadata: { a: 'b' } })
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
  })

  it.each<[title: string, faults: readonly Fault[]]>([
    ['a line that breaks', [{ on: 'PATCH', kind: 'cut-request', at: MiB }]],
    ['a lost answer in the middle', [{ on: 'PATCH', kind: 'lose-answer' }]],
    ['a lost answer at the end', [{ on: 'PATCH', call: 2, kind: 'lose-answer' }]],
    [
      'lost answers, one after the other',
      [
        { on: 'PATCH', call: 2, kind: 'lose-answer' },
        { on: 'HEAD', kind: 'lose-answer' },
        { on: 'POST', kind: 'lose-answer' },
      ],
    ],
    ['a bit that is flipped on the way', [{ on: 'PATCH', kind: 'flip-request', at: 5 }]],
    ['an overloaded server', [{ on: 'PATCH', kind: 'answer', status: 503 }]],
    ['a connection on which nothing moves', [{ on: 'PATCH', kind: 'hang' }]],
    ['a proxy that takes no more than 1 MiB', [{ on: 'PATCH', call: 'every', kind: 'refuse-past', at: MiB }]],
  ])('survives %s', async (_, faults) => {
    const proxy = await FaultyProxy.open(server, faults)
    const name = freshName()
    const bytes = sample(9 * MiB)
    const client = clientOf(proxy, { stallTimeoutMs: 500 })
    const transfer = client.putStream(name, inPieces(bytes), { ifNoneMatch: '*' })
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(progress.at(-1)).toEqual({ done: bytes.length, reused: 0, total: bytes.length })
  })

  it('survives a stream that pauses for longer than the server lets a request stall', async () => {
    const impatient = await startTestServer({ stallTimeoutMs: 100 })
    const bytes = sample(100_000)
    async function* pausing() {
      yield bytes.subarray(0, 50_000)
      // As long as it takes the server to lose patience with somebody who sends such a pause.
      const stalled = await request(impatient, 'PUT', '/files/stalled', { body: onceAndNeverAgain() })
      expect(stalled.status).toBe(408)
      yield bytes.subarray(50_000)
    }
    const name = freshName()
    await clientOf(impatient).putStream(name, pausing()).result
    expect((await get(impatient, name)).body.equals(bytes)).toBe(true)
  })

  it('does not read on where the server refuses at once', async () => {
    const name = freshName()
    await given(server, name, 'present')
    let isRead = false
    const { result } = clientOf(server).putStream(
      name,
      (async function* () {
        isRead = true
        yield sample(10)
      })(),
      { ifNoneMatch: '*' },
    )
    await expect(result).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(isRead).toBe(false)
  })

  it('hears that a file came first also when the answer that said so was lost', async () => {
    const name = freshName()
    const proxy = await FaultyProxy.open(server, [{ on: 'PATCH', kind: 'lose-answer' }])
    const { result } = clientOf(proxy).putStream(
      name,
      (async function* () {
        await given(server, name, 'first')
        yield sample(10)
      })(),
      { ifNoneMatch: '*' },
    )
    await expect(result).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(String((await get(server, name)).body)).toBe('first')
  })

  it('rejects with what the stream fails with, and makes no file', async () => {
    const failure = new Error('pipe broke')
    const name = freshName()
    const { result } = clientOf(server).putStream(
      name,
      (async function* () {
        yield sample(10)
        throw failure
      })(),
    )
    await expect(result).rejects.toBe(failure)
    expect((await get(server, name)).status).toBe(404)
  })

  it('ends at once when it is told to while the stream has nothing to give', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const silent = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          controller.abort(reason)
          return new Promise<never>(() => {})
        },
      }),
    }
    const { result } = clientOf(server).putStream(freshName(), silent, { signal: controller.signal })
    await expect(result).rejects.toBe(reason)
  })
})
