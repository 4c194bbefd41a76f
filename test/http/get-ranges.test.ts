import { beforeAll, describe, expect, it } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { get, given, KiB, MiB, sample, type FileInfo } from './sample.ts'

let server: TestServer
let file: FileInfo
const body = sample(300 * KiB)
const size = body.length
const chunkSize = 128 * KiB

beforeAll(async () => {
  server = await openTestServer({ chunkSize })
  file = await given(server, 'file', body)
  await given(server, 'empty', '')
  return server.stop
})

describe('a part', () => {
  it.each([
    ['the first byte', 'bytes=0-0', 0, 1],
    ['the last byte', `bytes=${size - 1}-${size - 1}`, size - 1, size],
    ['the last byte, counted from the end', 'bytes=-1', size - 1, size],
    ['some in the middle of a chunk', 'bytes=1000-1999', 1000, 2000],
    [
      'some across the end of a chunk',
      `bytes=${chunkSize - 10}-${chunkSize + 9}`,
      chunkSize - 10,
      chunkSize + 10,
    ],
    ['some of every chunk', `bytes=1-${size - 2}`, 1, size - 1],
    ['exactly the second chunk', `bytes=${chunkSize}-${2 * chunkSize - 1}`, chunkSize, 2 * chunkSize],
    ['all from some byte on', 'bytes=200000-', 200_000, size],
    ['some before the end', 'bytes=-100000', size - 100_000, size],
    ['more than there is', `bytes=1-${size * 2}`, 1, size],
    ['more than there is before the end', `bytes=-${size * 2}`, 0, size],
    ['all of it', 'bytes=0-', 0, size],
    ['two that touch', 'bytes=0-99,100-199', 0, 200],
    ['two of which there is one', `bytes=5-9,${size}-`, 5, 10],
  ])('%s', async (_, range, start, end) => {
    const answer = await get(server, 'file', { Range: range })
    expect(answer).toMatchObject({
      status: 206,
      headers: {
        'content-range': `bytes ${start}-${end - 1}/${size}`,
        'content-length': String(end - start),
        etag: file.etag,
        'accept-ranges': 'bytes',
      },
    })
    expect(answer.body.equals(body.subarray(start, end))).toBe(true)
  })
})

describe('all of it', () => {
  it.each([
    ['with a gap between two parts', 'bytes=0-9,20-29'],
    ['in another unit', 'lines=0-9'],
    ['with an end before its beginning', 'bytes=9-0'],
    ['with what is no range', 'bytes=a-b'],
  ])('%s', async (_, range) => {
    const answer = await get(server, 'file', { Range: range })
    expect(answer.status).toBe(200)
    expect(answer.headers).not.toHaveProperty('content-range')
    expect(answer.body.equals(body)).toBe(true)
  })

  it('of nothing, counted from the end', async () => {
    expect(await get(server, 'empty', { Range: 'bytes=-5' })).toMatchObject({
      status: 200,
      headers: { 'content-length': '0' },
    })
  })
})

describe('cannot be had', () => {
  it.each([
    ['behind the end', 'file', `bytes=${size}-`, size],
    ['far behind the end', 'file', 'bytes=99999999999999999999-', size],
    ['none at the end', 'file', 'bytes=-0', size],
    ['of nothing', 'empty', 'bytes=0-', 0],
    ['the first byte of nothing', 'empty', 'bytes=0-0', 0],
  ])('%s', async (_, name, range, length) => {
    const answer = await refused(server, () => get(server, name, { Range: range }))
    expect(answer).toMatchObject({ refusal: [416, 'range_not_satisfiable'] })
    expect(answer.headers['content-range']).toBe(`bytes */${length}`)
  })
})

const date = (offsetMs: number) => new Date(Date.parse(file.modifiedAt) + offsetMs).toUTCString()

describe('with If-Range', () => {
  it.each([
    ['its tag', () => file.etag, 206],
    ['another tag', () => '"other"', 200],
    ['its tag as a weak one', () => `W/${file.etag}`, 200],
    ['an earlier date', () => date(-1000), 200],
    ['a later date', () => date(1000), 200],
    ['what is neither', () => 'yesterday', 200],
  ])('%s', async (_, validator, status) => {
    const answer = await get(server, 'file', { Range: 'bytes=0-9', 'If-Range': validator() })
    expect(answer.status).toBe(status)
    expect(answer.body.equals(status === 206 ? body.subarray(0, 10) : body)).toBe(true)
  })

  it('that does not hold, what cannot be had does not matter', async () => {
    const answer = await get(server, 'file', { Range: `bytes=${size}-`, 'If-Range': '"other"' })
    expect(answer.status).toBe(200)
  })
})

describe('of a large file, a kibibyte', () => {
  const reads: number[] = []
  let large: TestServer
  beforeAll(async () => {
    large = await openTestServer({ chunkSize: 4 * MiB, wrapChunks: (store) => countingReads(store, reads) })
    await given(large, 'large', megabytes(40))
    return large.stop
  })

  it.each([
    ['in a block', 17 * MiB + 5000, 1],
    ['across the end of a block', 18 * MiB - 512, 2],
    ['across the end of a chunk', 20 * MiB - 512, 2],
    ['at the end', 40 * MiB - KiB, 1],
  ])('%s reads no block that it does not need', async (_, start, blocks) => {
    reads.length = 0
    const answer = await get(large, 'large', { Range: `bytes=${start}-${start + KiB - 1}` })
    expect(answer.status).toBe(206)
    expect(answer.body.equals(bytesOfMegabytes(start, start + KiB))).toBe(true)
    expect(reads).toEqual(Array.from({ length: blocks }, () => MiB))
  })
})

/** Each megabyte is full of its own number, so no two chunks are the same. */
async function* megabytes(count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(MiB, index)
}

function bytesOfMegabytes(start: number, end: number): Buffer {
  return Buffer.from(Array.from({ length: end - start }, (_, at) => Math.floor((start + at) / MiB)))
}

function countingReads(store: ChunkStore, reads: number[]): ChunkStore {
  return {
    put: (digest, pieces, options) => store.put(digest, pieces, options),
    read(location, offset, into, options) {
      reads.push(into.length)
      return store.read(location, offset, into, options)
    },
    delete: (location, options) => store.delete(location, options),
    list: (options) => store.list(options),
    close: () => store.close(),
  }
}
