import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { inPieces, KiB, sample } from '../../http/sample.ts'
import {
  checksum,
  create,
  endUploads,
  fileOf,
  givenUpload,
  locationIn,
  offsetOf,
  offsetMediaType,
  patch,
  tus,
  unfinished,
} from './tus-client.ts'

const bytes = sample(300 * KiB)
const wrong = checksum('something else')

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(() => endUploads(server))

it('"The Tus-Checksum-Algorithm header MUST be included in the response to an OPTIONS request."', async () => {
  const { headers } = await tus(server, 'OPTIONS', '/uploads')
  expect(headers['tus-checksum-algorithm']).toBe('sha1,sha256,md5,crc32')
})

function crc32Of(body: Buffer): string {
  const digest = Buffer.alloc(4)
  digest.writeUInt32BE(crc32(body))
  return `crc32 ${digest.toString('base64')}`
}

it.each([
  ['sha1', (body: Buffer) => checksum(body, 'sha1')],
  ['sha256', (body: Buffer) => checksum(body, 'sha256')],
  ['md5', (body: Buffer) => checksum(body, 'md5')],
  ['crc32', crc32Of],
])('"204 No Content if the checksums match": %s, of each request by itself', async (_, of) => {
  const path = await givenUpload(server, { 'Upload-Length': bytes.length })
  const [first, rest] = [bytes.subarray(0, 200_001), bytes.subarray(200_001)]
  const answer = await patch(server, path, 0, first, { 'Upload-Checksum': of(first) })
  expect(answer).toMatchObject({ status: 204, headers: { 'upload-offset': '200001' } })
  const last = await patch(server, path, first.length, inPieces(rest), { 'Upload-Checksum': of(rest) })
  expect(last.status).toBe(204)
  expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  await endUploads(server, [])
})

it('a body may be empty and have one', async () => {
  const path = await givenUpload(server, { 'Upload-Length': 4 }, 'abc')
  expect((await patch(server, path, 3, '', { 'Upload-Checksum': checksum('') })).status).toBe(204)
})

describe('"the uploaded chunk MUST be discarded, and the upload and its offset MUST NOT be updated"', () => {
  it.each([
    ['460 Checksum Mismatch', wrong, 460, 'checksum_mismatch'],
    ['460, cut short', 'sha1 AAAA', 460, 'checksum_mismatch'],
    ['400 Bad Request, not supported', 'sha512 AAAA', 400, 'invalid_request'],
    ['400, of no prototype', 'constructor AAAA', 400, 'invalid_request'],
    ['400, in capitals', checksum(bytes).replace('sha1', 'SHA1'), 400, 'invalid_request'],
    ['400, without a value', 'sha1', 400, 'invalid_request'],
    ['400, not Base64', 'sha1 ****', 400, 'invalid_request'],
    ['400, two of them', `${checksum(bytes)}, ${checksum(bytes)}`, 400, 'invalid_request'],
  ])('%s', async (_, header, status, code) => {
    const path = await givenUpload(server, { 'Upload-Defer-Length': 1 }, 'abc')
    const announced = { 'Upload-Checksum': header, 'Upload-Length': 3 + bytes.length }
    for (const body of [bytes, inPieces(bytes)]) {
      const answer = await patch(server, path, 3, body, announced)
      expect(answer.status).toBe(status)
      expect(answer.json()).toMatchObject({ status, code })
      const { headers } = await tus(server, 'HEAD', path)
      expect(headers).toMatchObject({ 'upload-offset': '3', 'upload-defer-length': '1' })
    }
    const right = { ...announced, 'Upload-Checksum': checksum(bytes) }
    expect((await patch(server, path, 3, bytes, right)).status).toBe(204)
    expect((await fileOf(server, path)).equals(Buffer.concat([Buffer.from('abc'), bytes]))).toBe(true)
    await endUploads(server, [])
  })

  it('nor does a creation leave anything', async () => {
    const headers = { 'Upload-Length': bytes.length, 'Content-Type': offsetMediaType }
    const answer = await create(server, { ...headers, 'Upload-Checksum': wrong }, bytes)
    expect(answer.status).toBe(460)
    expect((await create(server, { ...headers, 'Upload-Checksum': 'sha1' }, bytes)).status).toBe(400)
    expect(await unfinished(server)).toEqual([])
    const right = await create(server, { ...headers, 'Upload-Checksum': checksum(bytes) }, bytes)
    expect(right.status).toBe(201)
  })
})

describe('"If the hash cannot be calculated at the beginning of the upload, it MAY be included as a trailer."', () => {
  const announcing = 'Trailer: Upload-Checksum'

  it.each([
    ['matches', announcing, checksum(bytes), 204],
    ['matches, in another algorithm', announcing, checksum(bytes, 'md5'), 204],
    ['is announced beside others', 'Trailer: X-Other, upload-checksum', checksum(bytes), 204],
    ['does not match', announcing, wrong, 460],
    ['does not match, announced beside others', 'Trailer: X-Other, upload-checksum', wrong, 460],
    ['is in an unknown algorithm', announcing, 'sha512 AAAA', 400],
    ['is malformed', announcing, 'sha1', 400],
    ['is announced and missing', announcing, undefined, 400],
  ])('%s: %s', async (_, trailer, value, status) => {
    const path = await givenUpload(server, { 'Upload-Length': bytes.length })
    const client = await RawClient.open(server.port)
    const fields = ['Tus-Resumable: 1.0.0', `Content-Type: ${offsetMediaType}`, 'Upload-Offset: 0']
    await client.send(head(`PATCH ${path}`, ...fields, 'Transfer-Encoding: chunked', trailer))
    await client.send(`${bytes.length.toString(16)}\r\n`)
    await client.send(bytes)
    await client.send(`\r\n0\r\n${value === undefined ? '' : `Upload-Checksum: ${value}\r\n`}\r\n`)
    expect((await client.answer()).status).toBe(status)
    client.socket.destroy()
    const left = status === 204 ? [] : [path]
    expect((await tus(server, 'HEAD', path)).headers['upload-offset']).toBe(
      status === 204 ? String(bytes.length) : '0',
    )
    await endUploads(server, left)
  })
})

const md5 = (body: Buffer) => createHash('md5').update(body).digest('base64')

describe('what HTTP itself says of the body is checked as well', () => {
  it.each([
    ['a right Content-MD5', { 'Content-MD5': md5(bytes) }, 204, bytes.length],
    ['a wrong Content-MD5', { 'Content-MD5': md5(Buffer.from('other')) }, 400, 0],
    ['a wrong Content-Digest', { 'Content-Digest': `md5=:${md5(Buffer.from('other'))}:` }, 400, 0],
    ['a Repr-Digest', { 'Repr-Digest': `md5=:${md5(bytes)}:` }, 400, 0],
    ['a coding', { 'Content-Encoding': 'gzip' }, 415, 0],
  ])('%s', async (_, headers, status, offset) => {
    const url = locationIn(await create(server, { 'Upload-Length': '1000000' }))
    expect((await patch(server, url, 0, bytes, headers)).status).toBe(status)
    expect(await offsetOf(server, url)).toBe(offset)
  })
})
