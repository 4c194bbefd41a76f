import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BlockHasher, digestOfChunk } from '../../../src/model/hashers.ts'
import { request, type Answer } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { eventually } from '../../robustness/eventually.ts'
import { problemIn } from '../../http/refused.ts'
import { KiB, sample } from '../../http/sample.ts'
import { endUploads, fileOf, givenPart, givenUpload, metadata, patch } from './tus-client.ts'

const chunkSize = 4 * KiB

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  return server.stop
})

afterEach(() => endUploads(server))

interface Shown {
  readonly offset: number
  readonly chunks: readonly {
    readonly start: number
    readonly size: number
    readonly digest: string
  }[]
}

function shown(path: string, method = 'GET'): Promise<Answer> {
  return request(server, method, `/api${path}`)
}

/** As many as it takes to list them in two steps. */
const many = sample(260 * chunkSize)

it('shows what GET /api/uploads shows', async () => {
  const described = metadata({ filename: 'some/name', filetype: 'text/x-test', colour: 'blü' })
  const paths = [
    await givenUpload(server, { 'Upload-Length': 10, 'Upload-Metadata': described }, 'abc'),
    await givenUpload(server, { 'Upload-Defer-Length': 1 }),
    await givenPart(server, 'hello'),
  ]
  const answers = await Promise.all(paths.map((path) => shown(path)))
  const list = (await request(server, 'GET', '/api/uploads')).json()
  expect(list).toEqual({ uploads: answers.map((answer) => answer.json()), cursor: null })
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'cache-control': 'no-store',
    })
  }
})

describe('with its chunks', () => {
  it.each([
    ['none', 0],
    ['one', 1],
    ['whole ones', 3 * chunkSize],
    ['as many as are read at once', 256 * chunkSize],
    ['more than are read at once', 259 * chunkSize + 1],
  ])('%s', async (_, offset) => {
    const bytes = many.subarray(0, offset)
    const path = await givenUpload(server, { 'Upload-Length': many.length }, bytes)
    const { chunks, ...info } = (await shown(`${path}?chunks=1`)).json() as Shown
    expect(info).toEqual((await shown(path)).json())
    expect(info.offset).toBe(offset)
    expect(chunks).toHaveLength(Math.ceil(offset / chunkSize))
    for (const [index, { start, size, digest }] of chunks.entries()) {
      const chunk = bytes.subarray(index * chunkSize, (index + 1) * chunkSize)
      expect([start, size]).toEqual([index * chunkSize, chunk.length])
      const hasher = new BlockHasher()
      hasher.update(chunk)
      expect(digest).toBe(digestOfChunk(hasher.finish()))
    }
  })
})

it('does not end a request that still appends', async () => {
  const path = await givenUpload(server, { 'Upload-Length': 3 * chunkSize })
  const isShown = Promise.withResolvers<void>()
  const body = async function* (): AsyncGenerator<Buffer> {
    yield many.subarray(0, 2 * chunkSize)
    await isShown.promise
    yield many.subarray(2 * chunkSize, 3 * chunkSize)
  }
  const appending = patch(server, path, 0, body())
  await eventually(async () => {
    const { offset, chunks } = (await shown(`${path}?chunks=1`)).json() as Shown
    expect([offset, chunks.length]).toEqual([2 * chunkSize, 2])
  })
  isShown.resolve()
  expect((await appending).status).toBe(204)
  expect((await fileOf(server, path)).equals(many.subarray(0, 3 * chunkSize))).toBe(true)
})

it.each([
  ['that is not there', '/uploads/01890a5d-ac96-774b-bcce-b302099a8057', [404, 'not_found']],
  ['that is a file', undefined, [404, 'not_found']],
  ['by what is no id', '/uploads/none', [400, 'invalid_request']],
] as const)('one %s is refused', async (_, at, refusal) => {
  const path = at ?? (await givenUpload(server, { 'Upload-Length': 3 }, 'abc'))
  expect(problemIn(await shown(path))).toEqual(refusal)
  expect(problemIn(await shown(`${path}?chunks=1`))).toEqual(refusal)
  expect((await shown(path, 'HEAD')).status).toBe(refusal[0])
})
