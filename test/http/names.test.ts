import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseFileName } from '../../src/model/file.ts'
import { request } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { get, given, infoIn, put, sample, type FileInfo } from './sample.ts'
import { runs } from '../support/runs.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

describe('is taken as it is decoded', () => {
  it.each([
    ['plain.txt', 'plain.txt'],
    ['two%20words', 'two words'],
    ['%20around%20', ' around '],
    ['100%25', '100%'],
    ['%2541', '%41'],
    ['a+b', 'a+b'],
    ['caf%C3%A9', 'café'],
    ['%e2%82%ac', '€'],
    ['%F0%9F%AA%A8', '🪨'],
    ['e%CC%81', 'e\u0301'],
    ['a/b/c', 'a/b/c'],
    ['a%2Fb%2Fd', 'a/b/d'],
    ['what%3F', 'what?'],
    ['%23one', '#one'],
    ["!$&'()*,;=:~-._", "!$&'()*,;=:~-._"],
    ['a\\b', 'a\\b'],
    ['"{}|^`<>', '"{}|^`<>'],
    ['mail@example', 'mail@example'],
    ['...', '...'],
    ['.hidden/..more', '.hidden/..more'],
    ['a%EF%BF%BD', 'a\ufffd'],
    ['__proto__', '__proto__'],
    ['x'.repeat(1024), 'x'.repeat(1024)],
    ['%E2%82%AC'.repeat(341), '€'.repeat(341)],
  ])('%s', async (escaped, name) => {
    const content = sample(10)
    const answer = await put(server, escaped, content)
    expect(answer.json()).toMatchObject({ name })
    expect((await get(server, encodeURIComponent(name))).body).toEqual(content)
    expect(await listed(name)).toContain(name)
    expect((await request(server, 'DELETE', `/files/${escaped}`)).status).toBe(204)
  })

  it('is not normalised: what looks the same may be two', async () => {
    await given(server, 'caf%C3%A9', 'composed')
    await given(server, 'cafe%CC%81', 'decomposed')
    expect((await get(server, 'caf%C3%A9')).body.toString()).toBe('composed')
  })
})

describe('is refused', () => {
  it.each([
    ['', 'invalid_name'],
    ['..', 'invalid_name'],
    ['.', 'invalid_name'],
    ['%2e%2E', 'invalid_name'],
    ['a/../b', 'invalid_name'],
    ['a/%2e%2e/b', 'invalid_name'],
    ['a%2F..%2Fb', 'invalid_name'],
    ['a/./b', 'invalid_name'],
    ['a//b', 'invalid_name'],
    ['/a', 'invalid_name'],
    ['a/', 'invalid_name'],
    ['%2F', 'invalid_name'],
    ['a%00b', 'invalid_name'],
    ['a%0Ab', 'invalid_name'],
    ['a%7F', 'invalid_name'],
    ['a%C2%85', 'invalid_name'],
    ['%40name', 'invalid_name'],
    ['x'.repeat(1025), 'invalid_name'],
    ['%E2%82%AC'.repeat(342), 'invalid_name'],
    ['%', 'invalid_request'],
    ['%4', 'invalid_request'],
    ['a%zz', 'invalid_request'],
    ['%u20AC', 'invalid_request'],
    ['%FF', 'invalid_request'],
    ['%C0%AF', 'invalid_request'],
    ['%ED%A0%80', 'invalid_request'],
    ['a#b', 'invalid_request'],
  ] as const)('for PUT: %j', async (name, code) => {
    expect(await refused(server, () => put(server, name, 'content'))).toMatchObject({ refusal: [400, code] })
  })

  it('for PUT, even if it is the id of a file', async () => {
    const { id } = await given(server, 'by-id', 'content')
    expect(await refused(server, () => put(server, `@${id}`, 'other'))).toMatchObject({
      refusal: [400, 'invalid_name'],
    })
  })

  it.each([
    ['GET', '/files/'],
    ['HEAD', '/files/'],
    ['DELETE', '/files/'],
    ['GET', '/api/files/'],
    ['PATCH', '/api/files/'],
  ])('for %s %s', async (method, path) => {
    for (const name of ['..', 'a//b', '%00', 'x'.repeat(1025), '@', '@abc', '%FF']) {
      const headers = method === 'PATCH' ? { 'Content-Type': 'application/json' } : {}
      const body = method === 'PATCH' ? '{"name":"other"}' : undefined
      const { status } = await request(server, method, `${path}${name}`, { headers, ...(body && { body }) })
      expect({ name, status }).toEqual({ name, status: 400 })
    }
  })
})

const segment = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/\p{Cc}]/u.test(text) && text.isWellFormed() && text !== '.' && text !== '..')
const fileName = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join('/'))
  .filter((name) => !name.startsWith('@'))

it('comes back from everywhere as it was put, whichever it is', async () => {
  await fc.assert(
    fc.asyncProperty(fileName, async (name) => {
      expect(parseFileName(name)).toBe(name)
      const content = Buffer.from(name)
      const path = `/files/${encodeURIComponent(name)}`
      const made = await request(server, 'PUT', path, { body: content })
      expect(infoIn(made).name).toBe(name)
      expect((await request(server, 'GET', path)).body).toEqual(content)
      expect(infoIn(await request(server, 'GET', `/api${path}`)).name).toBe(name)
      expect(await listed(name)).toContain(name)
      expect((await request(server, 'DELETE', path)).status).toBe(204)
      expect((await request(server, 'GET', path)).status).toBe(404)
    }),
    { numRuns: runs(50) },
  )
})

async function listed(prefix: string): Promise<readonly string[]> {
  const answer = await request(server, 'GET', `/api/files?prefix=${encodeURIComponent(prefix)}`)
  const { files } = answer.json() as { readonly files: readonly FileInfo[] }
  return files.map(({ name }) => name)
}
