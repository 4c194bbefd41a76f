import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { get, given, KiB, put, sample } from './sample.ts'
import { problemIn, refused } from './refused.ts'
import { settled } from './settled.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(async () => {
  for (const { id } of await settled(server)) await request(server, 'DELETE', `/files/@${id}`)
})

const tagOfAnother = `"${'0'.repeat(64)}"`
const body = sample(300 * KiB)

/** What the header says where there is a file, and where there is none. */
async function written(name: string, value: string, isThere: boolean): Promise<string> {
  const file = isThere ? await given(server, name) : undefined
  const second = new Date(Date.parse(file?.modifiedAt ?? new Date().toISOString()))
  return value
    .replaceAll('<tag>', file?.etag ?? `"${'1'.repeat(64)}"`)
    .replaceAll('<other>', tagOfAnother)
    .replace('<then>', second.toUTCString())
    .replace('<before>', new Date(second.getTime() - 1000).toUTCString())
}

describe.each([
  ['PUT', {}, false],
  ['PUT that waits for the go-ahead', { Expect: '100-continue', 'Content-Length': body.length }, true],
])('%s', (_, headers, isContinued) => {
  it.each([
    ['over a file', 'If-None-Match', '<other>', true],
    ['over a file', 'If-None-Match', ',', true],
    ['over a file', 'If-Match', '*', true],
    ['over a file', 'If-Match', '<tag>', true],
    ['over a file', 'If-Match', '<other>, <tag>', true],
    ['over a file', 'If-Match', 'W/<tag>, <tag>', true],
    ['over a file', 'If-Unmodified-Since', '<then>', true],
    ['over a file', 'If-Unmodified-Since', 'not a date', true],
    ['over none', 'If-None-Match', '*', false],
    ['over none', 'If-None-Match', '<tag>', false],
    ['over none', 'If-None-Match', 'W/<tag>', false],
    ['over none', 'If-None-Match', '<other>, <tag>', false],
    ['over none', 'If-Unmodified-Since', '<before>', false],
  ])('%s is taken with %s: %s', async (__, header, value, isThere) => {
    const name = 'taken'
    const condition = { [header]: await written(name, value, isThere) }
    const answer = await put(server, name, body, { ...headers, ...condition })
    expect(answer).toMatchObject({ status: isThere ? 200 : 201, isContinued })
    expect((await get(server, name)).body.equals(body)).toBe(true)
  })

  const failed = [412, 'precondition_failed'] as const
  const malformed = [400, 'invalid_request'] as const

  it.each([
    ['over a file', 'If-None-Match', '*', true, failed],
    ['over a file', 'If-None-Match', '<tag>', true, failed],
    ['over a file', 'If-None-Match', 'W/<tag>', true, failed],
    ['over a file', 'If-None-Match', '<other>, <tag>', true, failed],
    ['over a file', 'If-Match', '<other>', true, failed],
    ['over a file', 'If-Match', 'W/<tag>', true, failed],
    ['over a file', 'If-Unmodified-Since', '<before>', true, failed],
    ['over none', 'If-Match', '*', false, failed],
    ['over none', 'If-Match', '<tag>', false, failed],
    ['over a file', 'If-Match', 'tag', true, malformed],
    ['over a file', 'If-None-Match', 'tag', true, malformed],
    ['over a file', 'If-Match', '', true, failed],
    ['over a file', 'If-Match', ',', true, failed],
    ['over none', 'If-None-Match', '"tag', false, malformed],
  ])('%s is refused with %s: %s', async (__, header, value, isThere, refusal) => {
    const name = 'refused'
    const condition = { [header]: await written(name, value, isThere) }
    const answer = await refused(server, () => put(server, name, body, { ...headers, ...condition }))
    expect(answer).toMatchObject({ refusal, isContinued: false })
  })
})

describe('a name that gets another file while the body comes in', () => {
  it.each([
    ['is not overwritten against If-Match', 'If-Match', '<tag>', true],
    ['is not overwritten against If-None-Match', 'If-None-Match', '*', false],
  ])('%s', async (_, header, value, isThere) => {
    const condition = { [header]: await written('raced', value, isThere) }
    const rival = sample(10)
    async function* slow() {
      yield body
      await given(server, 'raced', rival)
      yield body
    }
    const answer = await put(server, 'raced', slow(), condition)
    expect(problemIn(answer)).toEqual([412, 'precondition_failed'])
    expect((await get(server, 'raced')).body).toEqual(rival)
  })
})
