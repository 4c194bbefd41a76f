import { beforeAll, describe, expect, it } from 'vitest'
import { faulty } from '../support/faulty.ts'
import { request } from '../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../support/test-server.ts'
import { problemIn, refused } from './refused.ts'
import { get, given, put, sample } from './sample.ts'

let server: TestServer
let isReady = true

beforeAll(async () => {
  server = await openTestServer({ isReady: () => isReady })
  return server.stop
})

it('is alive and ready', async () => {
  expect((await request(server, 'GET', '/healthz')).json()).toEqual({ status: 'alive' })
  expect((await request(server, 'GET', '/readyz')).json()).toEqual({ status: 'ready' })
  expect((await request(server, 'HEAD', '/readyz')).status).toBe(200)
})

it('is alive and not ready while it stops', async () => {
  isReady = false
  const answer = await request(server, 'GET', '/readyz')
  expect((await request(server, 'GET', '/healthz')).status).toBe(200)
  isReady = true
  expect(problemIn(answer)).toEqual([503, 'unavailable'])
  expect(answer.headers['retry-after']).toBe('5')
})

async function metrics(): Promise<string> {
  return (await request(server, 'GET', '/metrics')).body.toString()
}

function numberIn(text: string, name: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.slice(name.length) ?? 0)
}

describe('counts', () => {
  it('in the format of Prometheus', async () => {
    const { headers } = await request(server, 'GET', '/metrics')
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  it.each([
    [
      'files that came',
      () => given(server, 'counted'),
      'ashlar_request_seconds_count{method="PUT",status="201"}',
      1,
    ],
    ['refusals', () => get(server, 'missing'), 'ashlar_request_seconds_count{method="GET",status="404"}', 1],
    [
      'odd methods as one',
      () => request(server, 'LOCK', '/'),
      'ashlar_request_seconds_count{method="other",status="404"}',
      1,
    ],
    ['what came', () => given(server, 'large', sample(100_000)), 'ashlar_received_bytes_total', 100_000],
    ['what went', () => get(server, 'large'), 'ashlar_sent_bytes_total', 100_000],
  ])('%s', async (_, send, name, growth) => {
    const before = numberIn(await metrics(), name)
    await send()
    // A request has ended when its connection is done with it, a moment after the client has the
    // answer.
    await expect
      .poll(async () => numberIn(await metrics(), name), { interval: 5 })
      .toBeGreaterThanOrEqual(before + growth)
  })

  it('what is under way', async () => {
    await expect.poll(metrics, { interval: 5 }).toMatch(/^ashlar_requests_running 1$/m)
    expect(await metrics()).toMatch(/^ashlar_buffer_leased_bytes 0$/m)
  })
})

it('tells what goes wrong in it, and not what is inside', async () => {
  const broken = await startTestServer({
    wrapChunks: (store) =>
      faulty(store, [
        { on: 'put', call: 1, kind: 'refuse' },
        { on: 'put', call: 2, kind: 'no-space' },
        // A small file that is damaged is read once more, for the part that is asked for may be
        // sound.
        { on: 'read', call: 1, kind: 'flip-bit' },
        { on: 'read', call: 2, kind: 'flip-bit' },
      ]),
  })
  const unavailable = await refused(broken, () => put(broken, 'file', 'x'))
  expect(unavailable).toMatchObject({ refusal: [503, 'unavailable'], headers: { 'retry-after': '5' } })
  expect(await refused(broken, () => put(broken, 'file', 'x'))).toMatchObject({ refusal: [507, 'no_space'] })
  await given(broken, 'file', 'x')
  await given(broken, 'other', 'y')

  const corrupt = await refused(broken, () => get(broken, 'file'))
  expect(corrupt).toMatchObject({ refusal: [500, 'corrupt'] })
  expect(corrupt.headers).not.toHaveProperty('etag')
  expect(corrupt.body.toString()).not.toContain('Block 0')
  expect((await get(broken, 'file')).body.toString()).toBe('x')

  await broken.store.catalog.close()
  expect(problemIn(await request(broken, 'GET', '/readyz'))).toEqual([503, 'unavailable'])
  expect(problemIn(await get(broken, 'other'))).toEqual([503, 'unavailable'])
  expect((await request(broken, 'GET', '/healthz')).status).toBe(200)
})

it('looks at the catalog once for many that ask whether it is ready', async () => {
  const fresh = await startTestServer()
  const { catalog } = fresh.store
  const forgetGarbage = catalog.forgetGarbage.bind(catalog)
  let probes = 0
  catalog.forgetGarbage = (locations) => {
    probes += 1
    return forgetGarbage(locations)
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(fresh, 'GET', '/readyz')))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect(probes).toBeGreaterThan(0)
  expect(probes).toBeLessThan(20)
})

const read = (from: TestServer, headers = {}) => request(from, 'GET', '/metrics', { headers })

describe('metrics are', () => {
  const forbidden = [403, 'forbidden']

  it('for this machine, and not for what comes through a proxy', async () => {
    expect((await read(server)).status).toBe(200)
    for (const header of ['Forwarded', 'X-Forwarded-For', 'X-Real-IP', 'Via']) {
      expect(problemIn(await read(server, { [header]: 'for=192.0.2.1' }))).toEqual(forbidden)
    }
  })

  it('for all or for none if that is said', async () => {
    const open = await startTestServer({ metricsAccess: 'all' })
    expect((await read(open, { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(200)
    const closed = await startTestServer({ metricsAccess: 'none' })
    expect(problemIn(await read(closed))).toEqual(forbidden)
  })
})
