import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { request, type Answer } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { refused } from '../../http/refused.ts'
import { get, given, infoIn, KiB, MiB, sample, type FileInfo } from '../../http/sample.ts'
import { settled } from '../../http/settled.ts'

let server: TestServer
let file: FileInfo

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

beforeEach(async () => {
  for (const { id } of await settled(server)) await request(server, 'DELETE', `/files/@${id}`)
  file = await given(server, 'file.txt', 'content')
})

const json = { 'Content-Type': 'application/json' }

function patch(ref: string, changes: unknown, headers = {}): Promise<Answer> {
  const body = typeof changes === 'string' ? changes : JSON.stringify(changes)
  return request(server, 'PATCH', `/api/files/${ref}`, { body, headers: { ...json, ...headers } })
}

function sendCoded(coding: string, body: Buffer): Promise<Answer> {
  const headers = { ...json, 'Content-Encoding': coding }
  return request(server, 'PATCH', '/api/files/file.txt', { body, headers })
}

describe('changes', () => {
  it.each([
    ['the name', { name: 'other/name' }],
    ['the media type', { mediaType: 'text/markdown; charset=utf-8' }],
    ['the metadata', { metadata: { who: 'me', ключ: '🪨' } }],
    ['all at once', { name: 'other', mediaType: 'a/b', metadata: { a: 'b' } }],
    ['to what it is', { name: 'file.txt' }],
    ['metadata to none', { metadata: {} }],
  ])('%s', async (_, changes) => {
    const answer = await patch('file.txt', changes)
    const now = Date.parse(infoIn(answer).modifiedAt)
    expect(answer.status).toBe(200)
    expect(answer.headers.etag).toBe(file.etag)
    expect(answer.json()).toEqual({ ...file, ...changes, modifiedAt: expect.any(String) })
    expect(now).toBeGreaterThanOrEqual(Date.parse(file.modifiedAt))
    const shown = await request(server, 'GET', `/api/files/@${file.id}`)
    expect(shown.json()).toEqual(answer.json())
    expect((await get(server, `@${file.id}`)).headers['content-type']).toBe(infoIn(answer).mediaType)
  })

  it('by id', async () => {
    expect((await patch(`@${file.id}`, { name: 'other' })).status).toBe(200)
    expect((await get(server, 'file.txt')).status).toBe(404)
    expect((await get(server, 'other')).body.toString()).toBe('content')
  })

  it('with the type for merges', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' }
    expect((await patch('file.txt', { name: 'other' }, headers)).status).toBe(200)
  })

  it('as a merge patch, merges metadata and deletes what is null', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' }
    await patch('file.txt', { metadata: { a: '1', b: '2', c: '3' } })
    const answer = await patch('file.txt', { metadata: { b: '4', c: null } }, headers)
    expect(answer.json()).toMatchObject({ metadata: { a: '1', b: '4' } })
    expect(Object.keys(infoIn(answer).metadata)).toEqual(['a', 'b'])
  })

  it('as merge patches at the same time, loses none of them', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' }
    const keys = Array.from({ length: 10 }, (_, n) => `key-${n}`)
    await Promise.all(keys.map((key) => patch('file.txt', { metadata: { [key]: 'x' } }, headers)))
    const shown = await request(server, 'GET', '/api/files/file.txt')
    expect(Object.keys(infoIn(shown).metadata).sort()).toEqual(keys)
  })

  it('keeps a change that another request makes while the file is looked up', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' }
    const { catalog } = server.store
    const listManifestPages = catalog.listManifestPages.bind(catalog)
    catalog.listManifestPages = async (id) => {
      catalog.listManifestPages = listManifestPages
      expect((await patch('file.txt', { metadata: { other: 'x' } }, headers)).status).toBe(200)
      return listManifestPages(id)
    }
    const answer = await patch('file.txt', { metadata: { own: 'x' } }, headers)
    expect(answer.json()).toMatchObject({ metadata: { other: 'x', own: 'x' } })
  })

  it('takes the place of all metadata that was there', async () => {
    await patch('file.txt', { metadata: { a: '1', b: '2' } })
    expect((await patch('file.txt', { metadata: { c: '3' } })).json()).toMatchObject({ metadata: { c: '3' } })
  })

  it('on a condition that holds', async () => {
    expect((await patch('file.txt', { name: 'other' }, { 'If-Match': file.etag })).status).toBe(200)
  })

  it('once told to go ahead', async () => {
    const body = JSON.stringify({ name: 'other' })
    const answer = await patch('file.txt', body, { Expect: '100-continue', 'Content-Length': body.length })
    expect(answer).toMatchObject({ status: 200, isContinued: true })
  })
})

describe('is refused', () => {
  it.each([
    ['onto another file', { name: 'taken' }, [409, 'name_taken']],
    ['to a name that is none', { name: '../x' }, [400, 'invalid_name']],
    ['to a name with a null', { name: 'a\0' }, [400, 'invalid_name']],
    ['to an id', { name: `@${crypto.randomUUID()}` }, [400, 'invalid_name']],
    ['to a name that is no text', { name: 17 }, [400, 'invalid_name']],
    ['to half a character', '{"name":"\\ud800"}', [400, 'invalid_name']],
    ['to no media type', { mediaType: 'text' }, [400, 'invalid_metadata']],
    ['to a media type with a line break', { mediaType: 'a/b\r\nX: y' }, [400, 'invalid_metadata']],
    ['to metadata that is no text', { metadata: { a: 1 } }, [400, 'invalid_metadata']],
    ['to metadata that is a list', { metadata: ['a'] }, [400, 'invalid_metadata']],
    ['to too much metadata', { metadata: { a: 'x'.repeat(3000) } }, [400, 'invalid_metadata']],
    ['with the key of prototypes', '{"metadata":{"__proto__":"x"}}', [400, 'invalid_request']],
    ['with a key that nobody knows', { nmae: 'x' }, [400, 'invalid_metadata']],
    ['with a key that cannot be changed', { size: 1 }, [400, 'invalid_metadata']],
    ['with nothing to change', {}, [400, 'invalid_metadata']],
    ['with a list', [], [400, 'invalid_metadata']],
    ['with half of the changes', '{"name":"x"', [400, 'invalid_request']],
    ['with text', '"name"', [400, 'invalid_request']],
    ['with no bytes', '', [400, 'invalid_metadata']],
    ['with too many bytes', { metadata: { a: 'x'.repeat(100 * KiB) } }, [413, 'too_large']],
    ['with far too many bytes', { metadata: { a: 'x'.repeat(8000 * KiB) } }, [413, 'too_large']],
  ] as const)('%s', async (_, changes, refusal) => {
    await given(server, 'taken', 'other')
    expect(await refused(server, () => patch('file.txt', changes))).toMatchObject({ refusal })
  })

  it.each([
    ['text', { 'Content-Type': 'text/plain' }],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['what has no type', { 'Content-Type': '' }],
  ])('%s, before its body', async (_, headers) => {
    const body = JSON.stringify({ name: 'x' })
    const expecting = { ...headers, Expect: '100-continue', 'Content-Length': body.length }
    const send = () => patch('file.txt', body, expecting)
    const answer = await refused(server, send)
    expect(answer).toMatchObject({
      refusal: [415, 'unsupported_media_type'],
      isContinued: false,
      headers: { 'accept-patch': 'application/json, application/merge-patch+json' },
    })
  })

  it.each([
    ['a name that no file has', 'missing'],
    ['an id that no file has', '@0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'],
  ])('for %s', async (_, ref) => {
    expect(await refused(server, () => patch(ref, { name: 'x' }))).toMatchObject({
      refusal: [404, 'not_found'],
    })
  })

  it.each([
    ['its tag as a weak one', { 'If-Match': 'W/<tag>' }],
    ['another tag', { 'If-Match': '"other"' }],
    ['that it is not there', { 'If-None-Match': '*' }],
    ['a time before its change', { 'If-Unmodified-Since': new Date(0).toUTCString() }],
  ])('on a condition that does not hold: %s', async (_, headers) => {
    const written = Object.entries(headers).map(([name, value]) => [name, value.replace('<tag>', file.etag)])
    const send = () => patch('file.txt', { name: 'x' }, Object.fromEntries(written))
    expect(await refused(server, send)).toMatchObject({ refusal: [412, 'precondition_failed'] })
  })
})

describe('a compressed body', () => {
  const changes = Buffer.from(JSON.stringify({ name: 'other' }))
  const pack = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }
  const all = ['gzip', 'deflate', 'br'] as const

  it.each([...all.map((coding) => [coding, coding] as const), ['x-gzip', 'gzip'], ['GZIP', 'gzip']] as const)(
    'in %s is read',
    async (coding, format) => {
      const answer = await sendCoded(coding, pack[format](changes))
      expect(answer).toMatchObject({ status: 200 })
      expect(infoIn(answer).name).toBe('other')
    },
  )

  it.each(
    all.flatMap((coding) => [
      ['is not', coding, Buffer.from('{"name":"other"}'), [400, 'invalid_request']] as const,
      ['is half of', coding, pack[coding](changes).subarray(0, -8), [400, 'invalid_request']] as const,
      ['is empty instead of', coding, Buffer.alloc(0), [400, 'invalid_request']] as const,
      ['has bad JSON in', coding, pack[coding]('{"name":'), [400, 'invalid_request']] as const,
      ['grows too large from', coding, pack[coding](Buffer.alloc(9 * MiB, ' ')), [413, 'too_large']] as const,
    ]),
  )('that %s %s is refused', async (_what, coding, body, refusal) => {
    expect(await refused(server, () => sendCoded(coding, body))).toMatchObject({ refusal })
  })

  it.each(['zstd', 'gzip, br', 'compress', 'utf-8'])('in %s is refused with 415', async (coding) => {
    const answer = await refused(server, () => sendCoded(coding, changes))
    expect(answer).toMatchObject({
      refusal: [415, 'unsupported_media_type'],
      headers: { 'accept-encoding': 'gzip, deflate, br, identity' },
    })
  })

  it.each(all)('in %s with megabytes behind its limit gets its answer', async (coding) => {
    const body = Buffer.concat([pack[coding](changes.subarray(1)), sample(24 * MiB)])
    expect((await sendCoded(coding, body)).status).toBe(400)
  })
})
