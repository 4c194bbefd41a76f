import { mkdir, open, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultSpace } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { eventually } from '../robustness/eventually.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { ashlarHere } from './ashlar-here.ts'
import { HoldingProxy } from './holding-proxy.ts'
import { AshlarProcess, runAshlar } from './run-ashlar.ts'

const MiB = 1024 * 1024
const resumes = 'ashlar: interrupted: run the same command again to resume\n'

let server: TestServer
beforeAll(async () => {
  server = await openTestServer()
})
afterAll(() => server.stop())

/** A line to the server that can go dead, and a folder to be in. */
async function setUp() {
  const proxy = await HoldingProxy.open(server.port)
  const cwd = await temporaryDirectory()
  return { proxy, cwd, env: { ASHLAR_URL: proxy.url }, line: ['--server', proxy.url] }
}

/** What requests take besides their bodies. */
const overhead = 256 * 1024

/**
 * Bytes of the files and uploads whose names begin so that the server has, once it has noticed that
 * the client is gone.
 */
async function durableBytes(proxy: HoldingProxy, prefix: string): Promise<number> {
  await eventually(() => expect([proxy.open, server.store.receiving.size]).toEqual([0, 0]))
  const { catalog } = server.store
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix, limit: 1000 })
  const uploads = await catalog.listUploads(defaultSpace, 1000)
  const parts = uploads.filter(({ name }) => name.startsWith(prefix)).map(({ offset }) => offset)
  return [...files.map(({ size }) => size), ...parts].reduce((sum, bytes) => sum + bytes, 0)
}

// Again and again: test/long/put-folder.test.ts.
describe('put that is killed', () => {
  it('sends only what the server does not have yet when it is run again', async () => {
    const { proxy, cwd, env, line } = await setUp()
    const files = new Map([
      ['large', sampleChunk(9 * MiB + 1, 1).bytes],
      ...Array.from({ length: 10 }, (_, n) => [`small-${n}`, sampleChunk(20_000 + n, n + 3).bytes] as const),
    ])
    await mkdir(join(cwd, 'tree'))
    for (const [name, bytes] of files) await writeFile(join(cwd, 'tree', name), bytes)

    const held = proxy.holdAfter(4 * MiB)
    const process = new AshlarProcess(['put', '-r', 'tree'], { cwd, env })
    await held
    process.child.kill('SIGKILL')
    await process.ended
    const durable = await durableBytes(proxy, 'tree/')
    const sent = proxy.passed
    expect(durable).toBeGreaterThan(MiB)
    proxy.letThrough()
    expect(await ashlarHere(['put', '-r', 'tree', ...line], { cwd })).toMatchObject({ code: 0, stdout: '' })

    const size = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0)
    expect(proxy.passed - sent).toBeLessThan(size - durable + overhead)
    for (const [name, bytes] of files) {
      const { body } = await request(server, 'GET', `/files/tree/${name}`)
      expect(body.equals(bytes)).toBe(true)
    }
    expect((await request(server, 'GET', '/api/uploads')).json()).toMatchObject({ uploads: [] })
  })
})

describe('a signal', () => {
  it.each([
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGTERM', code: 143 },
  ] as const)('$signal ends put with $code, and the same command goes on', async ({ signal, code }) => {
    const { proxy, cwd, env, line } = await setUp()
    const size = 6 * MiB
    await writeFile(join(cwd, signal), sampleChunk(size, code).bytes)
    const held = proxy.holdAfter(3 * MiB)
    const process = new AshlarProcess(['put', signal], { cwd, env })
    await held
    process.child.kill(signal)
    const ended = await process.ended
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toMatch(/^0 files, [\d.]+ MiB sent, 0 unchanged, in /)
    expect(ended.stderr.endsWith(resumes)).toBe(true)

    const durable = await durableBytes(proxy, signal)
    const sent = proxy.passed
    expect(durable).toBeGreaterThan(MiB)
    proxy.letThrough()
    expect(await ashlarHere(['put', signal, ...line], { cwd })).toMatchObject({ code: 0 })
    expect(proxy.passed - sent).toBeLessThan(size - durable + overhead)
  })

  it('ends put from stdin, which leaves no file', async () => {
    const { proxy, env } = await setUp()
    const held = proxy.holdAfter(MiB)
    const input = sampleChunk(9 * MiB, 1).bytes
    const process = new AshlarProcess(['put', '-', '--name', 'piped'], { env, input })
    process.child.stdin?.on('error', () => {})
    await held
    process.child.kill('SIGINT')
    expect(await process.ended).toMatchObject({ code: 130, stdout: '' })
    expect((await request(server, 'GET', '/files/piped')).status).toBe(404)
  })
})

it('get that is killed shows no half of a file, and goes on with what is there', async () => {
  const { cwd, env, line } = await setUp()
  const { bytes } = sampleChunk(12 * MiB, 1)
  expect((await request(server, 'PUT', '/files/large', { body: bytes })).status).toBe(201)
  await writeFile(join(cwd, 'large'), 'what was there before')
  const process = new AshlarProcess(['get', 'large'], { cwd, env })
  const part = join(cwd, 'large.ashlar-part')
  await eventually(async () => expect((await readFile(part)).length).toBeGreaterThan(2 * MiB))
  process.child.kill('SIGKILL')
  await process.ended
  expect((await readdir(cwd)).sort()).toEqual(['large', 'large.ashlar-part'])
  expect(await readFile(join(cwd, 'large'), 'utf8')).toBe('what was there before')

  const { stdout } = await ashlarHere(['get', 'large', '--json', ...line], { cwd })
  expect((JSON.parse(stdout) as { bytesFetched: number }).bytesFetched).toBeLessThan(bytes.length)
  expect((await readFile(join(cwd, 'large'))).equals(bytes)).toBe(true)
  expect(await readdir(cwd)).toEqual(['large'])
})

it('get to a reader that has had enough ends without a word', async () => {
  const { env } = await setUp()
  const { bytes } = sampleChunk(4 * MiB, 1)
  expect((await request(server, 'PUT', '/files/piped-out', { body: bytes })).status).toBe(201)
  const process = new AshlarProcess(['get', 'piped-out', '-'], { env })
  process.child.stdout?.once('data', () => process.child.stdout?.destroy())
  expect(await process.ended).toMatchObject({ code: 141, stderr: '' })
})

it.runIf(process.platform === 'linux').each([
  ['get', 'to-a-full-disk', '-'],
  ['ls', '-R'],
])('%s %s to a full disk says so', async (...argv) => {
  const { env } = await setUp()
  await request(server, 'PUT', '/files/to-a-full-disk', { body: 'bytes' })
  const full = await open('/dev/full', 'w')
  const ended = await runAshlar(argv, { env, output: full.fd })
  await full.close()
  expect(ended).toMatchObject({ code: 1, stderr: 'ashlar: stdout: the disk is full\n' })
})
