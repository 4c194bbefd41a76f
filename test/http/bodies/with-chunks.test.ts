import { text } from 'node:stream/consumers'
import { beforeAll, expect, it } from 'vitest'
import { withChunks } from '../../../src/http/bodies/with-chunks.ts'
import type { FileId } from '../../../src/model/file.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { given, KiB, sample } from '../sample.ts'

const chunkSize = 4 * KiB

let server: TestServer
let id: FileId

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  ;({ id } = await given(server, 'file', sample(3 * chunkSize + 1)))
  return server.stop
})

async function startsIn(bytes: number): Promise<readonly number[]> {
  const json = await text(withChunks(server.store, { id }, bytes))
  const { chunks } = JSON.parse(json) as { readonly chunks: readonly { readonly start: number }[] }
  return chunks.map(({ start }) => start)
}

it.each([
  [0, []],
  [chunkSize, [0]],
  [2 * chunkSize, [0, chunkSize]],
  [3 * chunkSize + 1, [0, chunkSize, 2 * chunkSize, 3 * chunkSize]],
])('lists just the chunks of the first %i bytes', async (bytes, starts) => {
  expect(await startsIn(bytes)).toEqual(starts)
})

it.each([1, chunkSize - 1, chunkSize + 1, 3 * chunkSize + 2])(
  'breaks off where chunks do not make up the first %i bytes',
  async (bytes) => {
    await expect(startsIn(bytes)).rejects.toMatchObject({ code: 'corrupt' })
  },
)
