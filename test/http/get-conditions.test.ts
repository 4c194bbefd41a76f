import { beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { request } from '../support/http-request.ts'
import { get, given, put, type FileInfo } from './sample.ts'

let server: TestServer
let file: FileInfo

beforeAll(async () => {
  server = await openTestServer()
  file = await given(server, 'file', 'content')
  return server.stop
})

/** What stands for the file's own tag and for dates around its last change. */
const filledIn = (value: string) =>
  value
    .replaceAll('<tag>', file.etag)
    .replace('<before>', date(-1000))
    .replace('<then>', date(0))
    .replace('<after>', date(1000))
const date = (offsetMs: number) => new Date(Date.parse(file.modifiedAt) + offsetMs).toUTCString()

const rows = (cases: readonly Readonly<Record<string, string>>[]) =>
  cases.map((headers) => [JSON.stringify(headers).slice(1, -1), headers] as const)
const written = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filledIn(value)]))

describe('is sent', () => {
  it.each(
    rows([
      { 'If-None-Match': '"other"' },
      { 'If-None-Match': ',' },
      { 'If-None-Match': 'other' },
      { 'If-None-Match': '"other' },
      { 'If-None-Match': 'other', 'If-Modified-Since': '<after>' },
      { 'If-Match': 'other' },
      { 'If-Modified-Since': '<before>' },
      { 'If-Modified-Since': 'not a date' },
      { 'If-Match': '*' },
      { 'If-Match': '<tag>' },
      { 'If-Match': '"other", <tag>' },
      { 'If-Unmodified-Since': '<then>' },
      { 'If-Unmodified-Since': 'not a date' },
      // The tag decides, where both are given.
      { 'If-None-Match': '"other"', 'If-Modified-Since': '<after>' },
      { 'If-Match': '<tag>', 'If-Unmodified-Since': '<before>' },
    ]),
  )('with %s', async (_, headers) => {
    const answer = await get(server, 'file', written(headers))
    expect(answer.status).toBe(200)
    expect(answer.body.toString()).toBe('content')
  })
})

describe('has not changed', () => {
  it.each(
    rows([
      { 'If-None-Match': '*' },
      { 'If-None-Match': '<tag>' },
      { 'If-None-Match': 'W/<tag>' },
      { 'If-None-Match': '"other", <tag>' },
      { 'If-Modified-Since': '<then>' },
      { 'If-Modified-Since': '<after>' },
      { 'If-None-Match': '<tag>', 'If-Modified-Since': '<before>' },
      { 'If-None-Match': '<tag>', 'If-Match': '<tag>' },
      { 'If-None-Match': '<tag>', Range: 'bytes=0-1' },
      { 'If-None-Match': '<tag>', Range: 'bytes=100-' },
    ]),
  )('with %s', async (_, headers) => {
    const answer = await get(server, 'file', written(headers))
    expect(answer.status).toBe(304)
    expect(answer.body).toHaveLength(0)
    // RFC 9110, 15.4.5: what a 200 would have had of these.
    expect(answer.headers).toMatchObject({
      etag: file.etag,
      'cache-control': 'no-cache',
      'last-modified': date(0),
    })
    expect(answer.headers).not.toHaveProperty('content-length')
    expect(answer.headers).not.toHaveProperty('content-type')
  })
})

describe('is refused', () => {
  it.each(
    rows([
      { 'If-Match': '"other"' },
      { 'If-Match': ',' },
      { 'If-Match': 'W/<tag>' },
      { 'If-Unmodified-Since': '<before>' },
      { 'If-Match': '"other"', 'If-None-Match': '<tag>' },
      { 'If-Match': '"other"', 'If-Unmodified-Since': '<after>' },
      { 'If-Match': '"other"', Range: 'bytes=100-' },
    ]),
  )('with %s', async (_, headers) => {
    expect(await refused(server, () => get(server, 'file', written(headers)))).toMatchObject({
      refusal: [412, 'precondition_failed'],
    })
  })
})

it('of a file with another media type: the tag of the old one is not enough, that of the new one is', async () => {
  const { etag, name } = await given(server, 'typed', 'content')
  const changes = { mediaType: 'text/markdown' }
  const headers = { 'Content-Type': 'application/json' }
  await request(server, 'PATCH', '/api/files/typed', { body: JSON.stringify(changes), headers })

  const changed = await get(server, name, { 'If-None-Match': etag })
  expect(changed.status).toBe(200)
  expect(changed.headers).toMatchObject({ 'content-type': 'text/markdown' })
  const tag = changed.headers.etag!
  expect(tag).not.toBe(etag)
  expect((await get(server, name, { 'If-None-Match': tag })).status).toBe(304)
  // Bytes of one must not be joined with those of the other unless the client wants just that.
  const range = { Range: 'bytes=0-1' }
  expect((await get(server, name, { ...range, 'If-Range': etag })).status).toBe(200)
  expect((await get(server, name, { ...range, 'If-Range': tag })).status).toBe(206)
  // The content is what it was, which either tag names.
  for (const known of [etag, tag]) {
    expect((await get(server, name, { ...range, 'If-Match': known })).status).toBe(206)
    expect((await put(server, name, 'content', { 'If-None-Match': known })).status).toBe(412)
  }
  expect((await put(server, name, 'other', { 'If-Match': tag })).status).toBe(200)
})

it('If-Range with a date does not hold while its second lasts', async () => {
  for (;;) {
    const first = await given(server, 'dated', 'first')
    const second = new Date(first.modifiedAt).toUTCString()
    await given(server, 'dated', 'other')
    const answer = await get(server, 'dated', { Range: 'bytes=1-', 'If-Range': second })
    // The second was over: once more.
    if (new Date(answer.headers.date!).toUTCString() !== second) continue
    expect([answer.status, answer.body.toString()]).toEqual([200, 'other'])
    return
  }
})
