import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { problemIn } from '../../http/refused.ts'
import { KiB, sample } from '../../http/sample.ts'
import {
  create,
  endUploads,
  fileOf,
  givenPart,
  givenUpload,
  idIn,
  locationIn,
  metadata,
  offsetOf,
  patch,
  tus,
  unfinished,
} from './tus-client.ts'

const absent = '/uploads/01890a5d-ac96-774b-bcce-b302099a8057'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  return server.stop
})

afterEach(() => endUploads(server))

function join(parts: readonly string[], headers = {}) {
  return create(server, { 'Upload-Concat': `final;${parts.join(' ')}`, ...headers })
}

it('"The partial uploads MUST be concatenated as per the order specified in the list.", "used multiple times"', async () => {
  const first = sample(200 * KiB)
  const second = sample(1000)
  const parts = [await givenPart(server, first), await givenPart(server, second), await givenPart(server, '')]
  const order = [1, 0, 2, 1, 0]
  const answer = await join(order.map((at) => parts[at]!))
  const path = locationIn(answer)
  const whole = Buffer.concat([second, first, second, first])
  expect(answer).toMatchObject({
    status: 201,
    headers: { 'content-location': `/files/@${idIn(path)}`, 'upload-offset': String(whole.length) },
  })
  expect((await fileOf(server, path)).equals(whole)).toBe(true)
  // What becomes of the parts does not matter to the file.
  await endUploads(server, parts)
  expect((await fileOf(server, path)).equals(whole)).toBe(true)
})

it.each([
  ['behind a space', (path: string) => ` ${path}`],
  ['as URLs', (path: string) => `http://files.test${path}`],
  ['below a prefix', (path: string) => `https://files.test:8443/some/where${path}`],
  ['in capitals', (path: string) => path.toUpperCase().replace('UPLOADS', 'uploads')],
])('"The partial uploads URLs MAY be absolute or relative": %s', async (_, written) => {
  const parts = [await givenPart(server, 'hello'), await givenPart(server, ' world')]
  const path = locationIn(await join(parts.map(written)))
  expect((await fileOf(server, path)).toString()).toBe('hello world')
})

it('"the partial uploads\' metadata SHALL NOT be transferred to the new final upload"', async () => {
  const described = { 'Upload-Concat': 'partial', 'Upload-Length': 5 }
  const part = await givenUpload(
    server,
    { ...described, 'Upload-Metadata': metadata({ filename: 'part.txt', kind: 'part' }) },
    'hello',
  )
  const named = { 'Upload-Metadata': metadata({ filename: 'joined.txt', author: 'x' }) }
  const final = locationIn(await join([part], named))
  const info = (await tus(server, 'GET', `/api/files/@${idIn(final)}`)).json()
  expect(info).toMatchObject({ name: 'joined.txt', mediaType: 'text/plain', metadata: { author: 'x' } })
  const plain = locationIn(await join([part]))
  expect((await tus(server, 'GET', `/api/files/@${idIn(plain)}`)).json()).toMatchObject({
    name: idIn(plain),
    metadata: {},
  })
})

it('"The Server SHOULD NOT process these partial uploads until they are concatenated": they are no files', async () => {
  const named = { 'Upload-Metadata': metadata({ filename: 'only-a-part' }) }
  const part = await givenUpload(
    server,
    { ...named, 'Upload-Concat': 'partial', 'Upload-Length': 5 },
    'hello',
  )
  expect((await tus(server, 'GET', `/files/@${idIn(part)}`)).status).toBe(404)
  expect((await tus(server, 'GET', '/files/only-a-part')).status).toBe(404)
  expect(await offsetOf(server, part)).toBe(5)
})

it('"The Upload-Concat request and response header MUST be set in both partial and final upload creation requests."', async () => {
  const created = await create(server, { 'Upload-Concat': 'partial', 'Upload-Length': 0 })
  expect(created).toMatchObject({ status: 201, headers: { 'upload-concat': 'partial' } })
  const concat = `final;${locationIn(created)}`
  const final = await create(server, { 'Upload-Concat': concat })
  expect(final).toMatchObject({ status: 201, headers: { 'upload-concat': concat } })
})

it('"the Upload-Offset and Upload-Length MUST be set and their values MUST be equal", and "Upload-Concat … as received"', async () => {
  const parts = [await givenPart(server, 'hello'), await givenPart(server, ' world')]
  const answer = await join(parts)
  const concat = `final;${parts.join(' ')}`
  expect(answer.headers['upload-concat']).toBe(concat)
  expect(await tus(server, 'HEAD', locationIn(answer))).toMatchObject({
    status: 200,
    headers: { 'upload-offset': '11', 'upload-length': '11', 'upload-concat': concat },
  })
})

it('"The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL and MUST NOT modify the final or its partial uploads."', async () => {
  const parts = [await givenPart(server, 'hello')]
  const path = locationIn(await join(parts))
  for (const offset of [0, 5]) {
    expect(problemIn(await patch(server, path, offset, 'more'))).toEqual([403, 'forbidden'])
  }
  for (const wrong of [{ 'Content-Type': 'text/plain' }, { 'Upload-Offset': '-1' }]) {
    expect(problemIn(await patch(server, path, 5, 'more', wrong))).toEqual([403, 'forbidden'])
  }
  expect((await fileOf(server, path)).toString()).toBe('hello')
  expect(await offsetOf(server, parts[0]!)).toBe(5)
})

it('a part may have come in pieces, and of a length that was deferred', async () => {
  const part = await givenUpload(server, { 'Upload-Concat': 'partial', 'Upload-Defer-Length': 1 }, 'hel')
  expect((await patch(server, part, 3, 'lo', { 'Upload-Length': 5 })).status).toBe(204)
  expect((await fileOf(server, locationIn(await join([part])))).toString()).toBe('hello')
})

describe('refused', () => {
  let part: string
  let before: readonly string[]

  async function expectRefused(concat: string, headers: object, refusal: readonly [number, string]) {
    before = await unfinished(server)
    const answer = await create(server, { 'Upload-Concat': concat, ...headers })
    expect(problemIn(answer)).toEqual(refusal)
    expect(await unfinished(server)).toEqual(before)
  }

  it('"The Client MUST NOT include the Upload-Length header in the final upload creation."', async () => {
    part = await givenPart(server, 'hello')
    await expectRefused(`final;${part}`, { 'Upload-Length': 5 }, [400, 'invalid_request'])
  })

  it.each([
    ['that is unfinished', { 'Upload-Concat': 'partial', 'Upload-Length': 6 }],
    ['of unknown length', { 'Upload-Concat': 'partial', 'Upload-Defer-Length': 1 }],
    ['that is none', { 'Upload-Length': 6 }],
    ['that is a file', { 'Upload-Length': 5 }],
  ])('a part %s', async (_, headers) => {
    part = await givenPart(server, 'hello')
    const other = await givenUpload(server, headers, 'hello')
    await expectRefused(`final;${part} ${other}`, {}, [400, 'invalid_request'])
    expect(await offsetOf(server, other)).toBe(5)
  })

  it('a part that is not there', async () => {
    part = await givenPart(server, 'hello')
    await expectRefused(`final;${part} ${absent}`, {}, [404, 'not_found'])
  })

  it.each([
    'final',
    'final;',
    'final; ',
    'final;none',
    'final;/files/a',
    'final;/uploads/',
    'finale',
    'final;/uploads/none',
  ])('%s', async (concat) => {
    await expectRefused(concat, {}, [400, 'invalid_request'])
  })

  it.each([',', ';', ''])('parts that %j stands between, of which none may be left out', async (between) => {
    part = await givenPart(server, 'hello')
    await expectRefused(`final;${part}${between}${part}`, {}, [400, 'invalid_request'])
  })

  it('parts that are too many', async () => {
    part = await givenPart(server, 'a')
    const generous = await startTestServer({ maxHeaderSize: 64 * KiB })
    const many = `final;${Array.from({ length: 1001 }, () => part).join(' ')}`
    const answer = await create(generous, { 'Upload-Concat': many })
    expect(problemIn(answer)).toEqual([400, 'invalid_request'])
  })

  it('parts that are together larger than any file may be', async () => {
    const limited = await startTestServer({ maxFileSize: 8 })
    const parts = [await givenPart(limited, 'hello'), await givenPart(limited, ' w')]
    const concat = (paths: readonly string[]) =>
      create(limited, { 'Upload-Concat': `final;${paths.join(' ')}` })
    expect(problemIn(await concat([...parts, parts[1]!]))).toEqual([413, 'too_large'])
    await endUploads(limited, parts)
  })
})
