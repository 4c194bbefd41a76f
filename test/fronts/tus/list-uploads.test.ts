import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../support/http-request.ts'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { eventually } from '../../robustness/eventually.ts'
import { problemIn } from '../../http/refused.ts'
import { KiB, sample } from '../../http/sample.ts'
import { endUploads, fileOf, givenPart, givenUpload, idIn, metadata, offsetOf, patch } from './tus-client.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(() => endUploads(server))

interface Page {
  readonly uploads: readonly { readonly id: string }[]
  readonly cursor: string | null
}

async function page(cursor?: string): Promise<Page> {
  const query = cursor === undefined ? '' : `?cursor=${cursor}`
  const answer = await request(server, 'GET', `/api/uploads${query}`)
  expect(answer.status).toBe(200)
  return answer.json() as Page
}

function deleted(path: string) {
  return request(server, 'DELETE', `/api${path}`)
}

describe('GET /api/uploads', () => {
  it('shows what is unfinished, oldest first, parts too, and no files', async () => {
    const named = {
      'Upload-Metadata': metadata({ filename: 'some/name', filetype: 'text/x-test', colour: 'blü' }),
    }
    const first = await givenUpload(server, { ...named, 'Upload-Length': 10 }, 'abc')
    const second = await givenUpload(server, { 'Upload-Defer-Length': 1 })
    const part = await givenPart(server, 'hello')
    await givenUpload(server, { 'Upload-Length': 3 }, 'abc')
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const times = { createdAt: time, expiresAt: time }
    const plain = { mediaType: 'application/octet-stream', metadata: {}, ...times }
    const described = { mediaType: 'text/x-test', metadata: { colour: 'blü' }, ...times }
    expect(await page()).toEqual({
      uploads: [
        { id: idIn(first), name: 'some/name', size: 10, offset: 3, isPartial: false, ...described },
        { id: idIn(second), name: idIn(second), size: null, offset: 0, isPartial: false, ...plain },
        { id: idIn(part), name: idIn(part), size: 5, offset: 5, isPartial: true, ...plain },
      ],
      cursor: null,
    })
  })

  it('shows a hundred at a time', async () => {
    const paths: string[] = []
    for (let count = 0; count < 201; count++) paths.push(await givenUpload(server, { 'Upload-Length': 1 }))
    const pages = [await page()]
    while (pages.at(-1)!.cursor !== null) {
      // Those on pages before may go meanwhile.
      await deleted(`/uploads/${pages.at(-1)!.uploads[7]!.id}`)
      pages.push(await page(pages.at(-1)!.cursor!))
    }
    expect(pages.map(({ uploads }) => uploads.length)).toEqual([100, 100, 1])
    expect(pages.flatMap(({ uploads }) => uploads.map(({ id }) => `/uploads/${id}`))).toEqual(paths)
  })

  it.each(['none', Buffer.from('none').toString('base64url')])('refuses the cursor %s', async (cursor) => {
    const answer = await request(server, 'GET', `/api/uploads?cursor=${cursor}`)
    expect(problemIn(answer)).toEqual([400, 'invalid_request'])
  })
})

describe('DELETE /api/uploads/{id}', () => {
  it('ends an upload', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 400 * KiB }, sample(300 * KiB))
    expect((await deleted(path)).status).toBe(204)
    expect(await offsetOf(server, path)).toBeUndefined()
    expect(problemIn(await deleted(path))).toEqual([404, 'not_found'])
    await endUploads(server, [])
  })

  it('ends a request that still appends', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 10 })
    const isDeleted = Promise.withResolvers<void>()
    const body = async function* () {
      yield Buffer.from('hello')
      await isDeleted.promise
    }
    const appending = patch(server, path, 0, body())
    await eventually(() => expect(server.store.receiving.size).toBe(1))
    expect((await deleted(path)).status).toBe(204)
    isDeleted.resolve()
    expect(problemIn(await appending)).toEqual([400, 'aborted'])
    await endUploads(server, [])
  })

  it('leaves what is a file', async () => {
    const path = await givenUpload(server, { 'Upload-Length': 3 }, 'abc')
    expect(problemIn(await deleted(path))).toEqual([404, 'not_found'])
    expect((await fileOf(server, path)).toString()).toBe('abc')
    expect(await offsetOf(server, path)).toBe(3)
  })
})
