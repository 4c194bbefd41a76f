import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request, type Answer } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { refused } from '../../http/refused.ts'
import { get, given, KiB, sample } from '../../http/sample.ts'
import { chunkFilesOf, settled } from '../../http/settled.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(() => settled(server))

function remove(ref: string, headers = {}): Promise<Answer> {
  return request(server, 'DELETE', `/files/${ref}`, { headers })
}

it.each([
  ['its name', () => 'a/file'],
  ['its id', (id: string) => `@${id}`],
])('by %s a file goes, and its chunks with it', async (_, refTo) => {
  const { id } = await given(server, 'a/file', sample(300 * KiB))
  const answer = await remove(refTo(id))
  expect(answer.status).toBe(204)
  expect(answer.body).toHaveLength(0)
  expect((await get(server, 'a/file')).status).toBe(404)
  expect((await get(server, `@${id}`)).status).toBe(404)
  await settled(server)
  expect(chunkFilesOf(server)).toHaveLength(0)
})

it('a second time it is not there', async () => {
  await given(server, 'once')
  expect((await remove('once')).status).toBe(204)
  expect(await refused(server, () => remove('once'))).toMatchObject({ refusal: [404, 'not_found'] })
})

it('of several that delete the same one wins', async () => {
  await given(server, 'contested')
  const statuses = (await Promise.all([1, 2, 3, 4].map(() => remove('contested')))).map(
    ({ status }) => status,
  )
  expect(statuses.filter((status) => status === 204)).toHaveLength(1)
  expect(statuses.filter((status) => status === 404)).toHaveLength(3)
})

it('leaves others in the folder', async () => {
  await given(server, 'folder/one')
  await given(server, 'folder/two')
  expect(await refused(server, () => remove('folder'))).toMatchObject({ refusal: [404, 'not_found'] })
  expect((await remove('folder/one')).status).toBe(204)
  expect((await get(server, 'folder/two')).status).toBe(200)
  await remove('folder/two')
})

/** The second of the change, or one before or after it. */
function second(modifiedAt: string, offsetMs: number): string {
  return new Date(Date.parse(modifiedAt) + offsetMs).toUTCString()
}

describe('on a condition', () => {
  it.each<readonly [string, (etag: string, modifiedAt: string) => Readonly<Record<string, string>>]>([
    ['its tag', (etag) => ({ 'If-Match': etag })],
    ['any tag', () => ({ 'If-Match': '*' })],
    ['one of several tags', (etag) => ({ 'If-Match': `"other", ${etag}` })],
    ['the time of its change', (_, at) => ({ 'If-Unmodified-Since': second(at, 0) })],
  ])('that holds it goes: %s', async (_, headersFor) => {
    const { etag, modifiedAt } = await given(server, 'held')
    expect((await remove('held', headersFor(etag, modifiedAt))).status).toBe(204)
  })

  it.each<readonly [string, (etag: string, modifiedAt: string) => Readonly<Record<string, string>>]>([
    ['another tag', () => ({ 'If-Match': '"other"' })],
    ['its tag as a weak one', (etag) => ({ 'If-Match': `W/${etag}` })],
    ['that it is not there', () => ({ 'If-None-Match': '*' })],
    ['a time before its change', (_, at) => ({ 'If-Unmodified-Since': second(at, -1000) })],
  ])('that does not hold it stays: %s', async (_, headersFor) => {
    const { etag, modifiedAt } = await given(server, 'held')
    const send = () => remove('held', headersFor(etag, modifiedAt))
    expect(await refused(server, send)).toMatchObject({ refusal: [412, 'precondition_failed'] })
    await remove('held')
  })

  it('that is none it stays', async () => {
    await given(server, 'held')
    expect(await refused(server, () => remove('held', { 'If-Match': 'tag' }))).toMatchObject({
      refusal: [400, 'invalid_request'],
    })
    await remove('held')
  })
})
