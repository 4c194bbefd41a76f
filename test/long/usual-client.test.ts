import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { MortalServer } from './mortal-server.ts'
import { uploadByClient } from './upload-by-client.ts'
import { inPieces, KiB, MiB, sample } from '../http/sample.ts'
import { CuttingProxy } from '../fronts/tus/cutting-proxy.ts'
import { endUploads, unfinished } from '../fronts/tus/tus-client.ts'

const bytes = sample(24 * MiB + 12_345)
const sha256 = sha256Of(bytes)
const cuts = [{ at: 100 }, { at: 3 * MiB }, { at: 3 * MiB + 700 }, { at: 11 * MiB + 1 }, { at: 19_999_999 }]

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ chunkSize: 512 * KiB })
  return server.stop
})

afterEach(() => endUploads(server))

function sha256Of(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

async function expectFile(port: number, id: string): Promise<void> {
  const { headers, body } = await request({ port }, 'GET', `/files/@${id}`)
  expect(sha256Of(body)).toBe(sha256)
  expect(headers['content-type']).toBe('text/x-test')
  const named = await request({ port }, 'HEAD', '/files/by-the-usual-client')
  expect(named.headers.etag).toBe(headers.etag)
}

function streamed(): Readable {
  return Readable.from(inPieces(bytes), { objectMode: false })
}

describe('tus-js-client, whose connections break', () => {
  it.each([
    ['in one request', {}, undefined],
    ['in requests of 5 MiB', { chunkSize: 5 * MiB }, undefined],
    ['in requests of 100 KB', { chunkSize: 100_000 }, undefined],
    ['with bytes in the first request', { chunkSize: 5 * MiB, uploadDataDuringCreation: true }, undefined],
    ['as POST', { overridePatchMethod: true }, undefined],
    ['in parallel', { parallelUploads: 4 }, undefined],
    ['in parallel, in requests of 1 MiB', { parallelUploads: 4, chunkSize: MiB }, undefined],
    ['of unknown length', { uploadLengthDeferred: true, chunkSize: 3 * MiB }, streamed],
  ])('uploads %s', async (_, options, source) => {
    const proxy = await CuttingProxy.open(() => server.port, cuts)
    const id = await uploadByClient(proxy.port, options, source?.() ?? bytes)
    expect(proxy.cuts).toEqual([])
    await expectFile(server.port, id)
    // Parts stay until they expire, and so does what was created when nobody heard where: no more
    // than that.
    expect((await unfinished(server)).length).toBeLessThanOrEqual(5)
  })
})

it.each([
  ['', {}],
  [', in parallel', { parallelUploads: 3, chunkSize: MiB }],
])('tus-js-client uploads while the server is killed and started again%s', async (_, options) => {
  const mortal = await MortalServer.start(await temporaryDirectory(), ['--chunk-size', '512KiB'])
  const kills = [5 * MiB, 14 * MiB].map((at) => ({ at, meanwhile: () => mortal.restart() }))
  const proxy = await CuttingProxy.open(() => mortal.port(), kills)
  const id = await uploadByClient(proxy.port, options, bytes)
  expect(proxy.cuts).toEqual([])
  await expectFile(await mortal.port(), id)
})
