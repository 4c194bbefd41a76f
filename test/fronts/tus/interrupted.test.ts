import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { pieceBytes } from '../../../src/files/state/file-store.ts'
import { defaultSpace, type Space } from '../../../src/model/file.ts'
import type { Answer } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { problemIn } from '../../http/refused.ts'
import { inPieces, KiB, sample } from '../../http/sample.ts'
import {
  checksum,
  create,
  endUploads,
  fileOf,
  givenUpload,
  locationIn,
  offsetMediaType,
  offsetOf,
  patch,
  unfinished,
} from './tus-client.ts'

const chunkSize = 128 * KiB
const bytes = sample(500 * KiB)

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  return server.stop
})

afterEach(() => endUploads(server))

interface Taken {
  /** Bytes in whole chunks, which are durable. */
  readonly inChunks: number
  /** Bytes of the pieces that the rest has begun to fill. */
  readonly inPieces: number
}

function inChunksAndPieces(sent: number): Taken {
  const rest = sent % chunkSize
  return { inChunks: sent - rest, inPieces: Math.ceil(rest / pieceBytes) * pieceBytes }
}

async function taken(): Promise<Taken> {
  const { catalog, pool } = server.store
  // What a staging upload receives, for its checksum, is nobody's.
  const lists = await Promise.all(
    [defaultSpace, 'nobody' as Space].map((space) => catalog.listUploads(space, 10)),
  )
  const uploads = lists.flat()
  return { inChunks: uploads.reduce((sum, { offset }) => sum + offset, 0), inPieces: pool.leasedBytes }
}

/**
 * A PATCH of all bytes from 0 on, of which only the first have been sent, and have been taken by
 * the server.
 */
function begunPatch(path: string, sent: number, ...fields: readonly string[]): Promise<RawClient> {
  return begunRequest(`PATCH ${path}`, sent, 'Upload-Offset: 0', ...fields)
}

async function begunRequest(line: string, sent: number, ...fields: readonly string[]): Promise<RawClient> {
  const client = await RawClient.open(server.port)
  const common = ['Tus-Resumable: 1.0.0', `Content-Type: ${offsetMediaType}`]
  await client.send(head(line, ...common, `Content-Length: ${bytes.length}`, ...fields))
  await client.send(bytes.subarray(0, sent))
  await eventually(async () => expect(await taken()).toEqual(inChunksAndPieces(sent)))
  return client
}

describe.each([
  ['closed', (client: RawClient) => client.socket.destroy()],
  ['reset', (client: RawClient) => client.socket.resetAndDestroy()],
  ['half closed', (client: RawClient) => client.socket.end()],
])('a connection that is %s', (_, cut) => {
  it.each([1, 64 * KiB, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize + 5, bytes.length - 1])(
    'after %i bytes of a body leaves what arrived, and the rest can follow',
    async (sent) => {
      const path = await givenUpload(server, { 'Upload-Length': bytes.length })
      const client = await begunPatch(path, sent)
      cut(client)
      await client.ended()
      await eventually(() => expect(server.store.receiving.size).toBe(0))
      const offset = (await offsetOf(server, path))!
      const { inChunks, inPieces: rest } = inChunksAndPieces(sent)
      expect(offset).toBeGreaterThan(inChunks + rest - (rest > 0 ? pieceBytes : 1))
      expect(offset).toBeLessThanOrEqual(sent)
      expect(await offsetOf(server, path)).toBe(offset)
      expect((await patch(server, path, offset, bytes.subarray(offset))).status).toBe(204)
      expect((await fileOf(server, path)).equals(bytes)).toBe(true)
      await endUploads(server, [])
    },
  )

  it('leaves nothing of a body with a checksum', async () => {
    const path = await givenUpload(server, { 'Upload-Length': bytes.length })
    const client = await begunPatch(path, 300 * KiB, `Upload-Checksum: ${checksum(bytes)}`)
    cut(client)
    await client.ended()
    await eventually(() => expect(server.store.receiving.size).toBe(0))
    expect(await offsetOf(server, path)).toBe(0)
    await endUploads(server, [path])
  })

  it('leaves no upload of a creation with a checksum', async () => {
    const fields = [`Upload-Length: ${bytes.length}`, `Upload-Checksum: ${checksum(bytes)}`]
    const client = await begunRequest('POST /uploads', 300 * KiB, ...fields)
    expect(await unfinished(server)).toHaveLength(1)
    cut(client)
    await eventually(async () => expect(await unfinished(server)).toEqual([]))
    await client.ended()
  })
})

it('a creation that breaks off leaves what arrived to who lists uploads', async () => {
  const client = await begunRequest('POST /uploads', 300 * KiB, `Upload-Length: ${bytes.length}`)
  client.socket.destroy()
  await eventually(() => expect(server.store.receiving.size).toBe(0))
  const [path = ''] = await unfinished(server)
  expect(await offsetOf(server, path)).toBeGreaterThanOrEqual(2 * chunkSize)
})

it('all bytes of a chunked body make the file, even if its end gets lost', async () => {
  const path = await givenUpload(server, { 'Upload-Length': 5 })
  const client = await RawClient.open(server.port)
  const common = ['Tus-Resumable: 1.0.0', `Content-Type: ${offsetMediaType}`, 'Upload-Offset: 0']
  await client.send(head(`PATCH ${path}`, ...common, 'Transfer-Encoding: chunked'))
  await client.send('5\r\nhello\r\n')
  await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(0))
  client.socket.destroy()
  await eventually(() => expect(server.store.receiving.size).toBe(0))
  expect((await fileOf(server, path)).toString()).toBe('hello')
  expect(await offsetOf(server, path)).toBe(5)
})

describe('while a dead connection still hangs', () => {
  it.each([
    ['', [], 300 * KiB],
    [', of which nothing may count before its checksum', [`Upload-Checksum: ${checksum(bytes)}`], 0],
  ])('its client can come back and take over at once%s', async (_, fields, kept) => {
    const path = await givenUpload(server, { 'Upload-Length': bytes.length })
    const dead = await begunPatch(path, 300 * KiB, ...fields)
    const begun = performance.now()
    const offset = (await offsetOf(server, path))!
    expect(offset).toBeLessThanOrEqual(kept)
    expect((await patch(server, path, offset, bytes.subarray(offset))).status).toBe(204)
    // The server would wait ten seconds for the one that stalls.
    expect(performance.now() - begun).toBeLessThan(3000)
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
    expect((await dead.answer()).status).toBe(400)
    dead.socket.destroy()
    await endUploads(server, [])
  })

  it('nobody takes over who does not ask for the offset', async () => {
    const path = await givenUpload(server, { 'Upload-Length': bytes.length })
    const alive = await begunPatch(path, 300 * KiB)
    for (const offset of [0, 300 * KiB]) {
      expect(problemIn(await patch(server, path, offset, 'more'))).toEqual([409, 'offset_conflict'])
    }
    await alive.send(bytes.subarray(300 * KiB))
    expect((await alive.answer()).status).toBe(204)
    alive.socket.destroy()
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  })
})

it.each([
  ['all at once', (body: Buffer) => body],
  ['in pieces', (body: Buffer) => inPieces(body)],
])('of clients that race to append %s exactly one does', async (_, sent) => {
  for (let round = 0; round < 5; round++) {
    const bodies = [sample(300 * KiB), sample(300 * KiB), sample(300 * KiB)]
    const path = await givenUpload(server, { 'Upload-Length': 300 * KiB })
    const answers = await Promise.all(bodies.map((body) => patch(server, path, 0, sent(body))))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([204, 409, 409])
    const winner = bodies[statuses.indexOf(204)]!
    expect((await fileOf(server, path)).equals(winner)).toBe(true)
  }
})

/**
 * Does what `send` does with a body that stops after five of its bytes, until there is an answer.
 */
async function stalled(send: (body: AsyncIterable<Buffer>) => Promise<Answer>): Promise<Answer> {
  const answered = Promise.withResolvers<void>()
  const stalling = async function* () {
    yield Buffer.from('hello')
    await answered.promise
  }
  const answer = await send(stalling())
  answered.resolve()
  return answer
}

describe('a client that stalls', () => {
  let impatient: TestServer
  beforeAll(async () => {
    impatient = await openTestServer({ chunkSize, stallTimeoutMs: 60 })
    return impatient.stop
  })

  async function expectToContinue(path: string): Promise<void> {
    expect(await offsetOf(impatient, path)).toBe(5)
    expect((await patch(impatient, path, 5, 'world')).status).toBe(204)
    expect((await fileOf(impatient, path)).toString()).toBe('helloworld')
  }

  it('is answered 408, and continues where it was', async () => {
    const path = await givenUpload(impatient, { 'Upload-Length': 10 })
    expect(problemIn(await stalled((body) => patch(impatient, path, 0, body)))).toEqual([408, 'timeout'])
    await expectToContinue(path)
  })

  it('hears where to continue what it was about to create', async () => {
    const headers = { 'Content-Type': offsetMediaType, 'Upload-Length': 10 }
    const answer = await stalled((body) => create(impatient, headers, body))
    expect(problemIn(answer)).toEqual([408, 'timeout'])
    await expectToContinue(locationIn(answer))
  })
})

it('a client that is refused while it still sends gets its answer', async () => {
  const path = await givenUpload(server, { 'Upload-Length': 100 * KiB })
  const begun = performance.now()
  const answer = await patch(server, path, 0, inPieces(sample(8 * 1024 * KiB)))
  expect(problemIn(answer)).toEqual([413, 'too_large'])
  // What still comes is thrown away, not left to block the client until the server loses its
  // patience.
  expect(performance.now() - begun).toBeLessThan(3000)
})

it('an answer that gets lost loses nothing', async () => {
  const path = await givenUpload(server, { 'Upload-Length': bytes.length })
  const client = await RawClient.open(server.port)
  const common = ['Tus-Resumable: 1.0.0', `Content-Type: ${offsetMediaType}`, 'Upload-Offset: 0']
  await client.send(head(`PATCH ${path}`, ...common, `Content-Length: ${bytes.length}`))
  client.socket.pause()
  await client.send(bytes)
  await eventually(async () => expect(await unfinished(server)).toEqual([]))
  client.socket.resetAndDestroy()
  expect(await offsetOf(server, path)).toBe(bytes.length)
  expect((await fileOf(server, path)).equals(bytes)).toBe(true)
})
