import { randomInt } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { CuttingProxy } from '../fronts/tus/cutting-proxy.ts'
import { givenUpload, idIn, offsetOf, patch } from '../fronts/tus/tus-client.ts'
import { eventually } from '../robustness/eventually.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { checksumming } from './checksumming-http-stack.ts'
import { writeLargeFile } from './large-file.ts'
import { LimitingProxy } from './limiting-proxy.ts'
import { MortalServer } from './mortal-server.ts'
import { planned } from './planned.ts'
import { bytesOfChunks, sha256Of, sha256OfFile, unfinishedUploads } from './seen-from-outside.ts'
import { socketMemory } from './socket-memory.ts'
import { uploadByClient } from './upload-by-client.ts'

const MiB = 1024 * 1024
const size = 1024 * MiB
/** What many a proxy takes in one request. */
const limit = 100_000_000
const cuts = 8
const kills = 2
/** Of the server, which forgets what is in it when it is killed. */
const bufferMemory = 128 * MiB

const seed = process.env['SEED'] ?? String(randomInt(2 ** 32))

let path: string
let sha256: string

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  path = join(directory, 'large')
  sha256 = await writeLargeFile(path, size)
  return () => rm(directory, { recursive: true })
})

async function startBehindProxy() {
  const directory = await temporaryDirectory()
  // As often and as early as can be: what would be collected although somebody counts on it will be
  // missed.
  const args = ['--collect-interval', '100ms', '--collect-grace', '0s']
  const server = await MortalServer.start(directory, args)
  const proxy = await LimitingProxy.open(() => server.port(), limit)
  return { directory, server, proxy }
}

function cutsAndKills(topic: string, restart: () => void) {
  const ofLines = planned(seed, `${topic}, cuts`, cuts, 0, size).map((at) => ({ at }))
  // Not before there is something to lose. The client does not try again to join its parts, but
  // that comes later.
  const ofServer = planned(seed, `${topic}, kills`, kills, size / 16, size).map((at) => ({
    at,
    meanwhile: restart,
  }))
  return [...ofLines, ...ofServer].sort((a, b) => a.at - b.at)
}

describe(`tus-js-client sends 1 GiB while lines break and the server is killed (SEED=${seed})`, () => {
  it.each([
    { how: 'in parallel', parallelUploads: 4, isChecked: false },
    { how: 'in parallel, with checksums', parallelUploads: 4, isChecked: true },
    { how: 'in one upload', parallelUploads: 1, isChecked: false },
    { how: 'in one upload, with checksums', parallelUploads: 1, isChecked: true },
  ])('$how', async ({ how, parallelUploads, isChecked }) => {
    const { directory, server, proxy } = await startBehindProxy()
    const line = await CuttingProxy.open(
      () => proxy.port,
      cutsAndKills(how, () => server.restart()),
    )
    const chunkSize = isChecked ? 16 * MiB : 95 * MiB
    const options = { parallelUploads, chunkSize, ...(isChecked && { httpStack: checksumming }) }
    const id = await uploadByClient(line.port, options, createReadStream(path))

    expect(line.cuts).toEqual([])
    expect(server.errors).toEqual([])
    const port = await server.port()
    expect(await sha256OfFile({ port }, id)).toBe(sha256)

    const patches = proxy.requests.filter(({ method }) => method === 'PATCH')
    expect(patches.every(({ hasChecksum }) => hasChecksum === isChecked)).toBe(true)
    expect(patches.filter(({ status }) => status === 413)).toEqual([])
    const sentTwice = patches.reduce((sum, { bodyBytes }) => sum + bodyBytes, -size)
    // With a checksum a request counts as a whole or not at all; otherwise whatever the server has
    // stored counts.
    const mostTwice = isChecked
      ? (cuts + kills * parallelUploads) * chunkSize
      : (cuts + kills * parallelUploads) * socketMemory + kills * bufferMemory
    expect(sentTwice).toBeLessThanOrEqual(mostTwice)

    const left = await unfinishedUploads({ port })
    const created = proxy.requests.flatMap(({ location }) => (location === undefined ? [] : [idIn(location)]))
    // The client asked for those: parts, which stay until they expire, and what was created when
    // nobody heard where.
    const ofClient = left.filter((upload) => created.includes(upload.id))
    expect(ofClient.length).toBe(created.length - 1)
    // What a body with a checksum was received into when the server was killed stays until it
    // expires, too.
    const ofServer = left.length - ofClient.length
    expect(ofServer).toBeLessThanOrEqual(isChecked ? kills * parallelUploads : 0)

    for (const upload of left) {
      expect((await request({ port }, 'DELETE', `/api/uploads/${upload.id}`)).status).toBe(204)
    }
    await eventually(async () =>
      expect(await bytesOfChunks(directory)).toBeLessThanOrEqual(size + kills * bufferMemory),
    )
    expect(await sha256OfFile({ port }, id)).toBe(sha256)
    expect(server.errors).toEqual([])
    const unused = (await bytesOfChunks(directory)) - size
    console.log(
      `${how}: ${mebibytes(sentTwice)} MiB went over the proxy twice, of ${mebibytes(mostTwice)} allowed; ` +
        `${ofServer} uploads and ${mebibytes(unused)} MiB of chunks were left by ${kills} kills`,
    )
  })
})

describe('a proxy that takes 100 MB in one request', () => {
  it.each([
    ['in one upload', 1],
    ['in parallel', 4],
  ])('makes tus-js-client without a chunkSize fail at once, with its 413, %s', async (_, parallelUploads) => {
    const { server, proxy } = await startBehindProxy()
    const options = { parallelUploads, chunkSize: Infinity }
    await expect(uploadByClient(proxy.port, options, createReadStream(path))).rejects.toThrow(
      /unexpected response while uploading chunk.*method: PATCH.*response code: 413/,
    )
    const once = Array.from({ length: parallelUploads }, () => ({ status: 413, bodyBytes: 0 }))
    await eventually(() => {
      const patches = proxy.requests.filter(({ method }) => method === 'PATCH')
      expect(patches.map(({ status, bodyBytes }) => ({ status, bodyBytes }))).toEqual(once)
    })
    const left = await unfinishedUploads({ port: await server.port() })
    expect(left.map(({ offset }) => offset)).toEqual(once.map(() => 0))
  })

  it('ends a body that does not say its length when it gets there, and what came until then counts', async () => {
    const { proxy } = await startBehindProxy()
    const length = 2.5 * limit
    const address = await givenUpload(proxy, { 'Upload-Length': length })
    const statuses: number[] = []
    for (let from = 0; from < length;) {
      const rest = createReadStream(path, { start: from, end: length - 1 })
      const { status } = await patch(proxy, address, from, rest)
      statuses.push(status)
      const offset = (await offsetOf(proxy, address)) ?? 0
      expect(offset - from).toBeGreaterThanOrEqual(Math.min(limit - socketMemory, length - from))
      from = offset
    }
    expect(statuses).toEqual([413, 413, 204])
    const sent = await sha256Of(createReadStream(path, { end: length - 1 }))
    expect(await sha256OfFile(proxy, idIn(address))).toBe(sent)
  })
})

function mebibytes(bytes: number): string {
  return (bytes / MiB).toFixed(1)
}
