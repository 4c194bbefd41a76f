import { buffer } from 'node:stream/consumers'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { openRequest, request } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { get, given, infoIn, inPieces, KiB, MiB, put, sample } from './sample.ts'
import { chunkFilesOf, settled } from './settled.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(() => settled(server))

describe('side by side', () => {
  it('a reader of what is replaced gets all of it, whatever is collected', async () => {
    const [old, young] = [sample(24 * MiB), sample(100 * KiB)]
    await given(server, 'moving', old)
    const { response } = await openRequest(server, 'GET', '/files/moving')
    expect((await put(server, 'moving', young)).status).toBe(200)
    // The old file waits for its reader, or this would prove nothing.
    expect(server.store.activeDownloads.inUse).toHaveLength(1)
    await collectGarbage(server.store)
    expect((await get(server, 'moving')).body.equals(young)).toBe(true)
    expect((await buffer(response)).equals(old)).toBe(true)
  })

  it('of several bodies for one name one stands there in the end, whole', async () => {
    const bodies = Array.from({ length: 8 }, (_, index) => sample(index * 60 * KiB))
    const answers = await Promise.all(bodies.map((body) => put(server, 'contested', inPieces(body, 9000))))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7)
    const { body, headers } = await get(server, 'contested')
    const winner = answers.find(({ headers: { etag } }) => etag === headers.etag)
    expect(bodies.filter((each) => each.equals(body))).toHaveLength(1)
    expect(infoIn(winner ?? answers[0]!).size).toBe(body.length)
  })

  it('of several that want no file there one wins', async () => {
    const puts = Array.from({ length: 6 }, () =>
      put(server, 'first', sample(200 * KiB), { 'If-None-Match': '*' }),
    )
    const statuses = (await Promise.all(puts)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 412)).toHaveLength(5)
  })

  it('the same content is kept once', async () => {
    const before = chunkFilesOf(server)
    const body = sample(3 * 128 * KiB)
    await Promise.all([given(server, 'copy/1', body), given(server, 'copy/2', body)])
    await given(server, 'copy/3', inPieces(body))
    await settled(server)
    expect(chunkFilesOf(server)).toHaveLength(before.length + 3)
    await request(server, 'DELETE', '/files/copy/1')
    await request(server, 'DELETE', '/files/copy/3')
    await settled(server)
    expect((await get(server, 'copy/2')).body.equals(body)).toBe(true)
  })
})

it('a body that breaks off leaves nothing behind', async () => {
  await given(server, 'broken', 'as it was')
  const before = await settled(server)
  async function* body() {
    yield sample(400 * KiB)
    await expect.poll(() => server.store.pool.leasedBytes, { interval: 5 }).toBeGreaterThan(0)
    throw new Error('the client gives up')
  }
  await expect(put(server, 'broken', body())).rejects.toThrow('the client gives up')
  expect(await settled(server)).toEqual(before)
})
