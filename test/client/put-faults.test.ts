import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoreError } from '../../src/client/node.ts'
import { request } from '../support/http-request.ts'
import { get, given, MiB, sample } from '../http/sample.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { FaultyProxy, type Fault } from './faulty-proxy.ts'
import { clientOf, continuations, freshName, progressOf, sourceOf } from './fixtures.ts'

/** Two parts; their chunks are stored once for all tests. */
const size = 9 * MiB
const bytes = sample(size)

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize: MiB })
})
afterAll(() => server.stop())

describe('put', () => {
  it.each<[title: string, faults: readonly Fault[]]>([
    ['a line that breaks while it sends', [{ on: 'PATCH', kind: 'cut-request', at: 3 * MiB }]],
    ['a line that breaks at the first byte', [{ on: 'PATCH', kind: 'cut-request', at: 1 }]],
    ['a line that keeps breaking', [{ on: 'PATCH', call: 'every', kind: 'cut-request', at: 3 * MiB }]],
    ['a lost answer to a part', [{ on: 'PATCH', kind: 'lose-answer' }]],
    ['a lost answer to the creation of a part', [{ on: 'POST', kind: 'lose-answer' }]],
    [
      'a lost answer to the question how far a part is',
      [
        { on: 'PATCH', kind: 'cut-request', at: MiB },
        { on: 'HEAD', kind: 'lose-answer' },
      ],
    ],
    ['a lost answer to the request that joins the parts', [{ on: 'POST', call: 3, kind: 'lose-answer' }]],
    [
      'lost answers to all that looks',
      [
        { on: 'GET /api/files', kind: 'lose-answer' },
        { on: 'GET /api/uploads?', kind: 'lose-answer' },
        { on: 'GET /api/uploads/', kind: 'cut-answer', at: 100 },
        { on: 'OPTIONS', kind: 'lose-answer' },
      ],
    ],
    [
      'an overloaded server',
      [
        { on: 'PATCH', kind: 'answer', status: 503, headers: { 'Retry-After': '0' } },
        { on: 'POST', kind: 'answer', status: 429 },
        { on: 'GET', kind: 'answer', status: 502, body: '<html>Bad gateway</html>' },
      ],
    ],
    [
      'a problem that breaks off',
      [
        {
          on: 'PATCH',
          kind: 'answer',
          status: 503,
          headers: { 'Content-Type': 'application/problem+json' },
          body: '{"code": "over',
        },
      ],
    ],
    ['a proxy that takes no more than 1 MiB', [{ on: 'PATCH', call: 'every', kind: 'refuse-past', at: MiB }]],
    [
      'a connection on which nothing moves any more',
      [
        { on: 'PATCH', kind: 'hang' },
        { on: 'HEAD', kind: 'hang' },
      ],
    ],
    ['parts that cannot be deleted', [{ on: 'DELETE', call: 'every', kind: 'answer', status: 503 }]],
  ])('survives %s', async (_, faults) => {
    const proxy = await FaultyProxy.open(server, faults)
    const name = freshName()
    const transfer = clientOf(proxy, { stallTimeoutMs: 500 }).put(name, sourceOf(bytes))
    const [{ file }, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(file.size).toBe(size)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
    expect(progress.every(({ done }) => done >= 0 && done <= size)).toBe(true)
  })

  it('sends what arrived before a line broke no second time', async () => {
    const proxy = await FaultyProxy.open(server, [
      { on: 'PATCH', call: 'every', kind: 'cut-request', at: 3 * MiB },
    ])
    await clientOf(proxy).put(freshName(), sourceOf(bytes)).result
    const all = continuations(proxy)
    expect(all.length).toBeGreaterThan(1)
    expect(all).not.toContain(false)
  })

  it.each([1, 2])(
    'finds the file that a lost answer was about, also where none may be replaced (call %d)',
    async (call) => {
      const faults: Fault[] = [{ on: 'POST', call: 2 + call, kind: 'lose-answer' }]
      if (call === 2) faults.unshift({ on: 'POST', call: 3, kind: 'lose-answer' })
      const proxy = await FaultyProxy.open(server, faults)
      const name = freshName()
      const { file } = await clientOf(proxy).put(name, sourceOf(bytes), { ifNoneMatch: '*' }).result
      expect(await clientOf(server).show(name)).toEqual(file)
      expect((await get(server, name)).body.equals(bytes)).toBe(true)
    },
  )

  it.each([
    ['any', {}],
    ['no', { ifNoneMatch: '*' }],
  ])(
    'finds the small file that a lost answer was about, where %s file may be replaced',
    async (_, options) => {
      const proxy = await FaultyProxy.open(server, [{ on: 'PUT', kind: 'lose-answer' }])
      const name = freshName()
      const result = await clientOf(proxy).put(name, sourceOf(sample(100)), options).result
      expect(result).toEqual({ file: await clientOf(server).show(name), isUnchanged: false })
      expect(proxy.seen('PUT')).toHaveLength(1)
    },
  )

  it('sends a small file again where the one that refused it was replaced meanwhile', async () => {
    const name = freshName()
    const small = sample(100)
    await given(server, name, small)
    const replaced = Promise.withResolvers<unknown>()
    const proxy = await FaultyProxy.open(server, [
      { on: 'PUT', kind: 'answer', status: 412 },
      { on: 'GET', kind: 'lose-answer', meanwhile: () => replaced.resolve(given(server, name, 'other')) },
    ])
    const client = clientOf(proxy, { firstPauseMs: 200 })
    const [result] = await Promise.all([client.put(name, sourceOf(small)).result, replaced.promise])
    expect(result.isUnchanged).toBe(false)
    expect((await get(server, name)).body.equals(small)).toBe(true)
  })

  it('does not take for its own a file that somebody else has made', async () => {
    const name = freshName()
    const made = Promise.withResolvers<unknown>()
    const proxy = await FaultyProxy.open(server, [
      { on: 'PUT', kind: 'answer', status: 503 },
      { on: 'PUT', call: 2, kind: 'answer', status: 412 },
    ])
    const source = sourceOf(sample(100))
    const client = clientOf(proxy, { onRetry: () => made.resolve(given(server, name, 'else')) })
    await expect(client.put(name, source, { ifNoneMatch: '*' }).result).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    await made.promise
    expect(String((await get(server, name)).body)).toBe('else')
  })

  it('sends a part again that is deleted meanwhile', async () => {
    const name = freshName()
    const deleted = Promise.withResolvers<unknown>()
    const proxy = await FaultyProxy.open(server, [
      {
        on: 'PATCH',
        kind: 'cut-request',
        at: MiB,
        meanwhile: () => {
          const id = proxy.seen('PATCH')[0]?.line.split('/').at(-1)
          deleted.resolve(request(server, 'DELETE', `/api/uploads/${id}`))
        },
      },
    ])
    const transfer = clientOf(proxy, { firstPauseMs: 200 }).put(name, sourceOf(bytes))
    await deleted.promise
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(proxy.seen('POST')).toHaveLength(2 + 1 + 1)
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
  })

  it.each([
    ['in the middle', 2 * MiB],
    ['in the last byte', size - 1],
  ])('makes no file of a bit that was flipped on the way, %s', async (_, at) => {
    const proxy = await FaultyProxy.open(server, [{ on: 'PATCH', kind: 'flip-request', at }])
    const name = freshName()
    const { result } = clientOf(proxy).put(name, sourceOf(bytes), { parallel: 1 })
    await expect(result).rejects.toMatchObject({ code: 'digest_mismatch' })
    expect((await get(server, name)).status).toBe(404)
  })

  it('sends a small file again in which a bit was flipped on the way, and gives up if that is always so', async () => {
    const once = await FaultyProxy.open(server, [{ on: 'PUT', kind: 'flip-request', at: 9 }])
    const small = sample(100)
    const name = freshName()
    await clientOf(once).put(name, sourceOf(small)).result
    expect((await get(server, name)).body.equals(small)).toBe(true)
    const always = await FaultyProxy.open(server, [{ on: 'PUT', call: 'every', kind: 'flip-request', at: 9 }])
    const other = freshName()
    const { result } = clientOf(always, { giveUpAfterMs: 50 }).put(other, sourceOf(small))
    await expect(result).rejects.toMatchObject({ code: 'digest_mismatch' })
    expect((await get(server, other)).status).toBe(404)
  })

  it('makes no file of a source that changes meanwhile', async () => {
    const name = freshName()
    const own = sample(2 * MiB)
    const source = sourceOf(own)
    const changing = {
      ...source,
      async *read(from: number, to: number) {
        yield* source.read(from, to)
        own[0]! ^= 1
      },
    }
    await expect(clientOf(server).put(name, changing).result).rejects.toMatchObject({
      code: 'digest_mismatch',
    })
    expect((await get(server, name)).status).toBe(404)
  })

  it.each([
    ['small', 100],
    ['large', 2 * MiB],
  ])('rejects with what a %s source fails with, and does not try again', async (_, length) => {
    const retries: StoreError[] = []
    const failure = new Error('no such disk')
    const broken = {
      size: length,
      async *read() {
        yield new Uint8Array(10)
        throw failure
      },
    }
    const client = clientOf(server, { onRetry: (error) => retries.push(error) })
    await expect(client.put(freshName(), broken).result).rejects.toBe(failure)
    expect(retries).toEqual([])
  })

  it.each([
    ['a small one that is shorter', 100, 99],
    ['a small one that is longer', 100, 101],
    ['a large one that is shorter', 2 * MiB, 2 * MiB - 1],
  ])('refuses a source of another size than it says: %s', async (_, said, actual) => {
    const source = { ...sourceOf(sample(actual)), size: said }
    const lying = { ...source, read: (from: number) => source.read(from, actual) }
    await expect(clientOf(server).put(freshName(), lying).result).rejects.toMatchObject({
      code: 'digest_mismatch',
    })
  })

  it('gives up what keeps failing, with the last error, and not before its time', async () => {
    const proxy = await FaultyProxy.open(server, [
      { on: 'PATCH', call: 'every', kind: 'answer', status: 503 },
    ])
    const before = performance.now()
    const { result } = clientOf(proxy, { giveUpAfterMs: 200 }).put(freshName(), sourceOf(sample(2 * MiB)))
    await expect(result).rejects.toMatchObject({ code: 'overloaded' })
    expect(performance.now() - before).toBeGreaterThan(100)
    expect(proxy.seen('PATCH').length).toBeGreaterThan(2)
  })

  it.each([
    ['while it sends', 'PATCH', 'hang'],
    ['while it asks', 'GET', 'hang'],
    ['while it joins', 'POST', 'hang'],
  ] as const)('ends at once when it is told to %s', async (_, on, kind) => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const proxy = await FaultyProxy.open(server, [{ on, kind, meanwhile: () => controller.abort(reason) }])
    const transfer = clientOf(proxy).put(freshName(), sourceOf(sample(2 * MiB)), {
      signal: controller.signal,
    })
    await expect(transfer.result).rejects.toBe(reason)
  })

  it('ends at once when it is told to while it waits to try again', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const proxy = await FaultyProxy.open(server, [{ on: 'PUT', call: 'every', kind: 'answer', status: 503 }])
    const client = clientOf(proxy, {
      firstPauseMs: 100_000,
      giveUpAfterMs: 1e9,
      onRetry: () => controller.abort(reason),
    })
    const transfer = client.put(freshName(), sourceOf(sample(10)), { signal: controller.signal })
    await expect(transfer.result).rejects.toBe(reason)
  })
})
