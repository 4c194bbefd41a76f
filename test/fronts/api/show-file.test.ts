import { beforeAll, describe, expect, it } from 'vitest'
import type { Digest } from '../../../src/model/digest.ts'
import { FileHasher } from '../../../src/model/hashers.ts'
import { openRequest, request } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { refused } from '../../http/refused.ts'
import { given, KiB, sample, type FileInfo } from '../../http/sample.ts'
import { settled } from '../../http/settled.ts'

let server: TestServer
const chunkSize = 4 * KiB

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  return server.stop
})

const show = (ref: string, method = 'GET') => request(server, method, `/api/files/${ref}`)

it.each([
  ['its name', ({ name }: FileInfo) => name],
  ['its id', ({ id }: FileInfo) => `@${id}`],
])('is shown by %s, with its tag', async (_, refTo) => {
  const file = await given(server, 'a/file')
  const answer = await show(refTo(file))
  expect(answer.json()).toEqual(file)
  expect(answer.headers.etag).toBe(file.etag)
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
})

describe('with its chunks', () => {
  it.each([
    ['none', 0],
    ['one', 1],
    ['one that is whole', chunkSize],
    ['as many as are read at once', 256 * chunkSize],
    ['more than are read at once', 260 * chunkSize + 1],
  ])('%s', async (_, size) => {
    const file = await given(server, 'chunked', sample(size))
    const { chunks, ...others } = (await show('chunked?chunks=1')).json() as FileInfo & {
      readonly chunks: Chunk[]
    }
    expect(others).toEqual(file)
    const hasher = new FileHasher()
    let at = 0
    for (const chunk of chunks) {
      expect(chunk.start).toBe(at)
      hasher.add(chunk.digest)
      at += chunk.size
    }
    expect(at).toBe(size)
    expect(hasher.digest()).toBe(file.digest)
    await settled(server)
  })

  it.each([
    ['asked for without a body', async () => show('chunked?chunks=1', 'HEAD')],
    [
      'left before its end',
      async () => (await openRequest(server, 'GET', '/api/files/chunked?chunks=1')).response.destroy(),
    ],
  ])('%s, is not held open', async (_, leave) => {
    await given(server, 'chunked', sample(260 * chunkSize))
    await leave()
    expect(await settled(server)).not.toHaveLength(0)
  })
})

it.each([
  ['a name that no file has', 'missing', [404, 'not_found']],
  ['an id that no file has', '@0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', [404, 'not_found']],
  ['what is no id', '@1', [400, 'invalid_request']],
] as const)('%s is refused', async (_, ref, refusal) => {
  expect(await refused(server, () => show(ref))).toMatchObject({ refusal })
  expect(await refused(server, () => show(`${ref}?chunks=1`))).toMatchObject({ refusal })
})

interface Chunk {
  readonly start: number
  readonly size: number
  readonly digest: Digest
}
