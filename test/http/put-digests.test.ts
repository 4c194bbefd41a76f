import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { get, inPieces, KiB, put, sample } from './sample.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

const body = sample(300 * KiB)
const right = (algorithm: string) => createHash(algorithm).update(body).digest('base64')
const wrong = (algorithm: string) => createHash(algorithm).update('another body').digest('base64')

describe.each([
  ['with a Content-Length', () => body],
  ['chunked', () => inPieces(body)],
])('%s, with what it says of itself', (way, sent) => {
  it.each([
    ['Repr-Digest', `sha-256=:${right('sha256')}:`],
    ['Repr-Digest', `sha-512=:${right('sha512')}:, sha-256=:${right('sha256')}:`],
    ['Repr-Digest', `crc32c=:AAAAAA==:, sha-256=:${right('sha256')}:`],
    ['Content-Digest', `sha-512=:${right('sha512')}:`],
    ['Content-Digest', `md5=:${right('md5')}:`],
    ['Content-MD5', right('md5')],
  ])('right, it is taken: %s: %s', async (header, value) => {
    const name = `right/${encodeURIComponent(way)}`
    const answer = await put(server, name, sent(), { [header]: value })
    expect(answer.status).toBeLessThan(300)
    expect((await get(server, name)).body.equals(body)).toBe(true)
  })

  it.each([
    ['Repr-Digest', `sha-256=:${wrong('sha256')}:`],
    ['Repr-Digest', `sha-256=:${right('sha256')}:, sha-512=:${wrong('sha512')}:`],
    ['Content-Digest', `sha-512=:${wrong('sha512')}:`],
    ['Content-MD5', wrong('md5')],
  ])('wrong, it is refused: %s: %s', async (header, value) => {
    const send = () => put(server, 'wrong', sent(), { [header]: value })
    expect(await refused(server, send)).toMatchObject({ refusal: [400, 'digest_mismatch'] })
  })
})

it.each([
  ['Repr-Digest', `sha-256=${right('sha256')}`],
  ['Repr-Digest', `sha-256=:${right('md5')}:`],
  ['Repr-Digest', 'sha-256=:%%%:'],
  ['Repr-Digest', ''],
  ['Repr-Digest', 'crc32c=:AAAAAA==:'],
  ['Content-Digest', 'unixsum=:AAAA:'],
  ['Content-MD5', 'no digest'],
  ['Content-MD5', right('sha256')],
])('what cannot be checked is refused before the body: %s: %s', async (header, value) => {
  const headers = { Expect: '100-continue', 'Content-Length': body.length, [header]: value }
  const answer = await refused(server, () => put(server, 'unchecked', body, headers))
  expect(answer).toMatchObject({ refusal: [400, 'invalid_digest'] })
  expect(answer.isContinued).toBe(false)
})

it.each([
  ['Repr-Digest', `sha-256=:${createHash('sha256').digest('base64')}:`],
  ['Content-MD5', createHash('md5').digest('base64')],
])('nothing has a digest too: %s', async (header, value) => {
  expect((await put(server, 'empty', '', { [header]: value })).status).toBeLessThan(300)
  expect(await refused(server, () => put(server, 'empty', 'x', { [header]: value }))).toMatchObject({
    refusal: [400, 'digest_mismatch'],
  })
})
