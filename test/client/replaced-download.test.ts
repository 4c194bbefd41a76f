import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ashlarHere } from '../cli/ashlar-here.ts'
import { get, given, KiB, MiB, sample } from '../http/sample.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, startTestServer, type TestServer } from '../support/test-server.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import { bytesIn, clientOf, freshName, memoryTarget } from './fixtures.ts'

/** Three requests, the last of which begins when the first has ended at the earliest. */
const size = 17 * MiB
const bytes = sample(size)

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize: 256 * KiB, collectGraceMs: 60_000 })
})
afterAll(() => server.stop())

const ways = {
  replaced: (name: string) => given(server, name, 'another file'),
  deleted: (name: string) => request(server, 'DELETE', `/files/${name}`),
} as const

describe.each(['replaced', 'deleted'] as const)('a file that is %s while it is fetched', (way) => {
  it.each([
    ['side by side', 4, 0],
    ['one range after the other', 1, 0],
    ['after an earlier attempt', 1, 9 * MiB + 5],
  ])('is downloaded whole, %s', async (_, parallel, present) => {
    const name = freshName()
    await given(server, name, bytes)
    const target = memoryTarget(size, bytes.subarray(0, present))
    let gone: Promise<unknown> | undefined
    const write = async (offset: number, piece: Uint8Array) => {
      gone ??= ways[way](name)
      await gone
      return target.write(offset, piece)
    }
    await clientOf(server).download(name, { ...target, write }, { parallel }).result
    expect(gone).toBeDefined()
    expect(target.bytes.equals(bytes)).toBe(true)
  })

  it('is read whole, also by a reader that has let every request end', async () => {
    const name = freshName()
    await given(server, name, bytes)
    const reading = await clientOf(server).read(name, { parallel: 1 })
    await ways[way](name)
    expect((await bytesIn(reading.bytes)).equals(bytes)).toBe(true)
  })

  it('is brought whole by ashlar get, also over a line that breaks', async () => {
    const name = freshName()
    await given(server, name, bytes)
    const cwd = await temporaryDirectory()
    let gone: Promise<unknown> | undefined
    const proxy = await FaultyProxy.open(server, [
      { on: 'GET /files', kind: 'cut-answer', at: MiB, meanwhile: () => void (gone = ways[way](name)) },
    ])
    await writeFile(join(cwd, `${name}.ashlar-part`), bytes.subarray(0, 3 * MiB))
    const argv = ['get', name, '--parallel', '1', '--quiet', '--server', proxy.url]
    expect(await ashlarHere(argv, { cwd })).toEqual({ code: 0, stdout: '', stderr: '' })
    await gone
    expect((await readFile(join(cwd, name))).equals(bytes)).toBe(true)
  })
})

it('ashlar get of a file that was replaced before it asked for its chunks brings the new one', async () => {
  const name = freshName()
  await given(server, name, bytes)
  const cwd = await temporaryDirectory()
  let replaced: Promise<unknown> | undefined
  const proxy = await FaultyProxy.open(server, [
    {
      on: 'GET /api/files/%40',
      kind: 'lose-answer',
      meanwhile: () => void (replaced = given(server, name, 'new')),
    },
    { on: 'GET /api/files/%40', call: 2, kind: 'answer', status: 404 },
  ])
  const argv = ['get', name, '--quiet', '--server', proxy.url]
  expect(await ashlarHere(argv, { cwd })).toEqual({ code: 0, stdout: '', stderr: '' })
  await replaced
  expect(await readFile(join(cwd, name), 'utf8')).toBe('new')
})

describe('a file that was deleted while somebody fetched it', () => {
  it('is gone for everybody who does not know its content', async () => {
    const name = freshName()
    const { id, etag } = await given(server, name, sample(100 * KiB))
    await clientOf(server).showChunks(name)
    await ways.deleted(name)
    expect((await get(server, `@${id}`, { 'If-Match': etag })).status).toBe(200)
    for (const headers of [
      {},
      { 'If-Match': '*' },
      { 'If-Match': `"${'0'.repeat(64)}"` },
      { 'If-Match': '' },
    ]) {
      expect((await get(server, `@${id}`, headers)).status).toBe(404)
    }
    expect((await get(server, name, { 'If-Match': etag })).status).toBe(404)
    expect(
      (await request(server, 'GET', `/api/files/@${id}`, { headers: { 'If-Match': etag } })).status,
    ).toBe(404)
  })

  it('is gone at once where deleted files are not kept', async () => {
    const other = await startTestServer()
    const { id, etag } = await given(other, 'a', sample(100 * KiB))
    await clientOf(other).showChunks('a')
    await request(other, 'DELETE', '/files/a')
    expect((await get(other, `@${id}`, { 'If-Match': etag })).status).toBe(404)
  })
})
