import { rename, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FileChunk } from '../../src/model/chunk.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { flipBitOfFile } from '../chunks/flip-bit-of-file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { head, RawClient } from './raw-client.ts'
import { uploadBytes } from './send-body.ts'
import { expectIdle } from './store-contents.ts'

/** Blocks of 1, 1 and 0.5 MiB in each chunk; the second chunk ends with a short one. */
const chunkSize = 2.5 * blockBytes
const size = 4 * blockBytes + 12_345
const blocks = [0, 1, 2, 2.5, 3.5].map((start) => start * blockBytes)

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize })
})
afterAll(() => server.stop())

let files = 0

/** A file of its own for each test, that nobody has read yet. */
async function freshFile() {
  files += 1
  const { bytes } = sampleChunk(size, files)
  const { file } = await uploadBytes(server.store, `file-${files}`, bytes)
  const chunks = await server.store.catalog.listChunks(file.id, 0, 10)
  return { path: `/files/file-${files}`, bytes, chunks }
}

function pathOf({ location }: FileChunk): string {
  return join(server.chunkDirectory, location)
}

async function flipAt(chunks: readonly FileChunk[], at: number): Promise<void> {
  const chunk = chunks.findLast(({ start }) => start <= at)!
  await flipBitOfFile(pathOf(chunk), at - chunk.start)
}

async function get(path: string, ...fields: readonly string[]): Promise<RawClient> {
  const client = await RawClient.open(server.port)
  await client.send(head(`GET ${path}`, ...fields))
  return client
}

async function expectProblem(client: RawClient): Promise<void> {
  const { status, headers, body } = await client.answer()
  expect(status).toBe(500)
  expect(headers['content-type']).toBe('application/problem+json')
  expect(JSON.parse(body.toString())).toMatchObject({ status: 500, code: 'corrupt' })
  expect(body.toString()).not.toContain(server.chunkDirectory)
  client.socket.destroy()
}

/**
 * The connection ends early, and what came is right as far as it goes: at most to the block before
 * the damage.
 */
async function expectBroken(client: RawClient, bytes: Buffer, mostBytes: number): Promise<void> {
  await client.ended()
  const { received } = client
  const end = received.indexOf('\r\n\r\n') + 4
  const body = received.subarray(end)
  expect(received.subarray(0, end).toString()).toContain(`Content-Length: ${bytes.length}\r\n`)
  expect(body.length).toBeLessThanOrEqual(mostBytes)
  expect(body.equals(bytes.subarray(0, body.length))).toBe(true)
}

describe('a flipped bit', () => {
  it('in the first block is answered with 500, and nothing of the file', async () => {
    const { path, chunks } = await freshFile()
    await flipAt(chunks, blockBytes - 1)
    await expectProblem(await get(path))
    await expectIdle(server.store)
  })

  it.each(blocks.slice(1))('in the block at %d breaks the connection', async (start) => {
    const { path, bytes, chunks } = await freshFile()
    await flipAt(chunks, start)
    await expectBroken(await get(path), bytes, start)
    await flipAt(chunks, start)
    const client = await get(path)
    expect((await client.answer()).body.equals(bytes)).toBe(true)
    client.socket.destroy()
    await expectIdle(server.store)
  })

  it('in the last byte of the file breaks the connection', async () => {
    const { path, bytes, chunks } = await freshFile()
    await flipAt(chunks, size - 1)
    await expectBroken(await get(path), bytes, blocks.at(-1)!)
  })

  it('is found by a range that needs its block, and by no other', async () => {
    const { path, bytes, chunks } = await freshFile()
    await flipAt(chunks, 2 * blockBytes + 100)
    await expectProblem(await get(path, `Range: bytes=${2 * blockBytes}-${2 * blockBytes}`))
    for (const [first, last] of [
      [0, 2 * blockBytes - 1],
      [chunkSize, size - 1],
    ] as const) {
      const client = await get(path, `Range: bytes=${first}-${last}`)
      const { status, body } = await client.answer()
      expect(status).toBe(206)
      expect(body.equals(bytes.subarray(first, last + 1))).toBe(true)
      client.socket.destroy()
    }
  })
})

describe('a chunk file that is cut short', () => {
  it.each([0, 1, blockBytes - 1])('to %d bytes is answered with 500', async (length) => {
    const { path, chunks } = await freshFile()
    await truncate(pathOf(chunks[0]!), length)
    await expectProblem(await get(path))
  })

  it.each([blockBytes, blockBytes + 1, chunkSize - 1])(
    'to %d bytes breaks the connection',
    async (length) => {
      const { path, bytes, chunks } = await freshFile()
      await truncate(pathOf(chunks[0]!), length)
      await expectBroken(await get(path), bytes, length - (length % blockBytes))
    },
  )
})

describe('a chunk file that is gone', () => {
  it('is answered with 500 if it was the first', async () => {
    const { path, chunks } = await freshFile()
    await rename(pathOf(chunks[0]!), join(server.chunkDirectory, 'elsewhere'))
    await expectProblem(await get(path))
    await expectIdle(server.store)
  })

  it('breaks the connection if it was a later one', async () => {
    const { path, bytes, chunks } = await freshFile()
    await rename(pathOf(chunks[1]!), join(server.chunkDirectory, 'elsewhere'))
    await expectBroken(await get(path), bytes, chunkSize)
    await expectIdle(server.store)
  })
})

it('of two chunk files that changed places neither is sent as the other', async () => {
  const one = await freshFile()
  const two = await freshFile()
  const [onePath, twoPath] = [pathOf(one.chunks[0]!), pathOf(two.chunks[0]!)]
  await rename(onePath, `${onePath}.moved`)
  await rename(twoPath, onePath)
  await rename(`${onePath}.moved`, twoPath)
  await expectProblem(await get(one.path))
  await expectProblem(await get(two.path))
})
