import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseFileId, defaultSpace, type FileId } from '../../../src/model/file.ts'
import { request, type Answer } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { eventually } from '../../robustness/eventually.ts'
import { problemIn } from '../../http/refused.ts'
import { get, given, KiB, sample, type FileInfo } from '../../http/sample.ts'
import { settled } from '../../http/settled.ts'
import {
  create,
  endUploads,
  fileOf,
  givenPart,
  givenUpload,
  idIn,
  locationIn,
  metadata,
  offsetMediaType,
  offsetOf,
  patch,
  tus,
} from './tus-client.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(async () => {
  await endUploads(server)
  for (const { id } of await settled(server)) await request(server, 'DELETE', `/files/@${id}`)
})

const name = 'named'
const bytes = sample(300 * KiB)
const failed = [412, 'precondition_failed'] as const
const named = { 'Upload-Metadata': metadata({ filename: name }) }
const whole = { ...named, 'Upload-Length': bytes.length }

type Headers = Readonly<Record<string, string | number>>

/**
 * Each way to complete an upload, told apart by the request that does; it resolves with the answer
 * to that one.
 */
const completions: Readonly<Record<string, (headers: Headers) => Promise<Answer>>> = {
  'a creation': (headers) => create(server, { ...named, 'Upload-Length': 0, ...headers }),
  'a creation with upload': (headers) =>
    create(server, { ...whole, 'Content-Type': offsetMediaType, ...headers }, bytes),
  'the last PATCH': async (headers) => {
    const path = await givenUpload(server, whole, bytes.subarray(0, 200 * KiB))
    return patch(server, path, 200 * KiB, bytes.subarray(200 * KiB), headers)
  },
  'a last PATCH that says the length': async (headers) => {
    const path = await givenUpload(server, { ...named, 'Upload-Defer-Length': 1 }, bytes)
    return patch(server, path, bytes.length, '', { 'Upload-Length': bytes.length, ...headers })
  },
  'a final concatenation': async (headers) => {
    const parts = [await givenPart(server, 'hello'), await givenPart(server, ' world')]
    return create(server, { ...named, 'Upload-Concat': `final;${parts.join(' ')}`, ...headers })
  },
}

/** What the header says where there is a file, and where there is none. */
async function written(value: string, isThere: boolean): Promise<string> {
  const file = isThere ? await given(server, name) : undefined
  const second = new Date(Date.parse(file?.modifiedAt ?? new Date().toISOString()))
  return value
    .replaceAll('<tag>', file?.etag ?? `"${'1'.repeat(64)}"`)
    .replaceAll('<other>', `"${'0'.repeat(64)}"`)
    .replace('<then>', second.toUTCString())
    .replace('<before>', new Date(second.getTime() - 1000).toUTCString())
}

async function current(): Promise<FileInfo | undefined> {
  const answer = await request(server, 'GET', `/api/files/${name}`)
  return answer.status === 404 ? undefined : (answer.json() as FileInfo)
}

describe.each(Object.entries(completions))('%s', (_, complete) => {
  it.each([
    ['over a file', 'If-Match', '<tag>', true],
    ['over a file', 'If-Match', '*', true],
    ['over a file', 'If-None-Match', '<other>', true],
    ['over a file', 'If-Unmodified-Since', '<then>', true],
    ['over none', 'If-None-Match', '*', false],
    ['over none', 'If-Unmodified-Since', '<before>', false],
  ])('%s makes the file with %s: %s', async (__, header, value, isThere) => {
    const before = await written(value, isThere)
    const { headers } = await complete({ [header]: before })
    expect(headers['content-location']).toBe(`/files/@${(await current())?.id}`)
    expect(headers.etag).toBe((await current())?.etag)
  })

  it.each([
    ['over a file', 'If-None-Match', '*', true, failed],
    ['over a file', 'If-None-Match', 'W/<tag>', true, failed],
    ['over a file', 'If-Match', '<other>', true, failed],
    ['over a file', 'If-Unmodified-Since', '<before>', true, failed],
    ['over none', 'If-Match', '*', false, failed],
    ['over a file', 'If-Match', 'tag', true, [400, 'invalid_request']],
  ] as const)('%s is refused with %s: %s', async (__, header, value, isThere, refusal) => {
    const condition = { [header]: await written(value, isThere) }
    const before = await current()
    const answer = await complete(condition)
    expect(problemIn(answer)).toEqual(refusal)
    expect(answer.headers).not.toHaveProperty('location')
    expect(await current()).toEqual(before)
  })
})

describe('what fails already', () => {
  const waiting = { Expect: '100-continue', 'Content-Length': bytes.length, 'If-None-Match': '*' }

  it('is refused at creation before its bytes, and leaves nothing', async () => {
    await given(server, name)
    const answer = await create(server, { ...whole, 'Content-Type': offsetMediaType, ...waiting }, bytes)
    expect(problemIn(answer)).toEqual(failed)
    expect(answer.isContinued).toBe(false)
    expect(answer.headers).not.toHaveProperty('location')
    await endUploads(server, [])
  })

  it('is refused at creation, also if the bytes are to come later', async () => {
    await given(server, name)
    expect(problemIn(await create(server, { ...whole, 'If-None-Match': '*' }))).toEqual(failed)
    await endUploads(server, [])
  })

  it('is refused by PATCH before its bytes, and leaves the upload where it was', async () => {
    await given(server, name)
    const path = await givenUpload(server, whole)
    const answer = await patch(server, path, 0, bytes, waiting)
    expect(problemIn(answer)).toEqual(failed)
    expect(answer.isContinued).toBe(false)
    expect(await offsetOf(server, path)).toBe(0)
    expect((await patch(server, path, 0, bytes)).status).toBe(204)
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  })

  it('counts for the request that says it, and for none after', async () => {
    const path = await givenUpload(server, { ...whole, 'If-None-Match': '*' })
    await given(server, name)
    expect((await patch(server, path, 0, bytes)).status).toBe(204)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
  })

  it('means nothing to a part, which takes nobody’s place', async () => {
    const part = { 'Upload-Concat': 'partial', ...whole, 'If-None-Match': '*', 'If-Match': '"none"' }
    await given(server, name)
    const path = await givenUpload(server, part, bytes.subarray(0, 9))
    const condition = { 'If-None-Match': '*' }
    expect((await patch(server, path, 9, bytes.subarray(9), condition)).status).toBe(204)
    await endUploads(server, [path])
  })
})

/** All bytes; before they end, somebody else puts a file behind the name. */
async function* raced(): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, 150 * KiB)
  // What could be refused early has not been.
  await eventually(() => expect(server.store.pool.leasedBytes).toBeGreaterThan(0))
  await given(server, name, 'rival')
  yield bytes.subarray(150 * KiB)
}

/** An upload that has all its bytes, and which another file has come before. */
async function declined(): Promise<string> {
  const path = await givenUpload(server, whole)
  expect(problemIn(await patch(server, path, 0, raced(), { 'If-None-Match': '*' }))).toEqual(failed)
  return path
}

describe('a name that gets another file while the bytes come in', () => {
  it('leaves the upload complete and unfinished, also after a HEAD', async () => {
    const path = await declined()
    for (let times = 0; times < 2; times++) {
      const { status, headers } = await tus(server, 'HEAD', path)
      expect([status, headers['upload-offset']]).toEqual([200, String(bytes.length)])
      expect(headers).toHaveProperty('upload-expires')
      expect(headers).not.toHaveProperty('content-location')
    }
    expect((await get(server, name)).body.toString()).toBe('rival')
    await endUploads(server, [path])
  })

  it.each([
    ['nothing', {}],
    ['what holds', { 'If-Match': '*' }],
  ])('an empty PATCH with %s makes it the file after all', async (_, condition) => {
    const path = await declined()
    const answer = await patch(server, path, bytes.length, '', condition)
    expect(answer).toMatchObject({ status: 204, headers: { 'content-location': `/files/@${idIn(path)}` } })
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(await offsetOf(server, path)).toBe(bytes.length)
  })

  it('an empty PATCH with what fails again changes nothing', async () => {
    const path = await declined()
    const again = await patch(server, path, bytes.length, '', { 'If-None-Match': '*' })
    expect(problemIn(again)).toEqual(failed)
    expect(await offsetOf(server, path)).toBe(bytes.length)
    expect((await get(server, name)).body.toString()).toBe('rival')
    await endUploads(server, [path])
  })

  it('tells the address of what came with its creation', async () => {
    const answer = await create(
      server,
      { ...whole, 'Content-Type': offsetMediaType, 'If-None-Match': '*' },
      raced(),
    )
    expect(problemIn(answer)).toEqual(failed)
    const path = locationIn(answer)
    expect(await offsetOf(server, path)).toBe(bytes.length)
    expect((await get(server, name)).body.toString()).toBe('rival')
    expect((await patch(server, path, bytes.length)).status).toBe(204)
    expect((await fileOf(server, path)).equals(bytes)).toBe(true)
  })
})

async function leftOver(): Promise<string> {
  const path = await givenUpload(server, { ...named, 'Upload-Defer-Length': 1 }, bytes)
  await server.store.catalog.declareUploadSize(idIn(path) as FileId, bytes.length)
  return path
}

describe('an upload that a stop of the server left whole', () => {
  it('becomes a file on a HEAD whose condition holds', async () => {
    const path = await leftOver()
    expect((await tus(server, 'HEAD', path, { 'If-None-Match': '*' })).headers).toMatchObject({
      'content-location': `/files/@${idIn(path)}`,
    })
  })

  it('stays on a HEAD whose condition fails', async () => {
    await given(server, name)
    const path = await leftOver()
    const { status, headers } = await tus(server, 'HEAD', path, { 'If-None-Match': '*' })
    expect([status, headers['upload-offset']]).toEqual([200, String(bytes.length)])
    expect(headers).not.toHaveProperty('content-location')
    await endUploads(server, [path])
  })
})

it('what was declined is remembered by the catalog, not by the process', async () => {
  const path = await declined()
  const upload = await server.store.catalog.findUpload(defaultSpace, parseFileId(idIn(path)))
  expect(upload).toMatchObject({ hasFailedPrecondition: true, isFinished: false })
  await endUploads(server, [path])
})
