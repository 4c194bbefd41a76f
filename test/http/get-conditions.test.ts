import { beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { get, given, type FileInfo } from './sample.ts'

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

  it.each(rows([{ 'If-Match': 'other' }, { 'If-None-Match': '"other' }]))('with %s', async (_, headers) => {
    expect(await refused(server, () => get(server, 'file', headers))).toMatchObject({
      refusal: [400, 'invalid_request'],
    })
  })
})
