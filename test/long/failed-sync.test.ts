import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { shardNames } from '../../src/chunks/disk/chunk-path.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { request, type Answer } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { eventually } from '../robustness/eventually.ts'
import { buildFailingSync, compilerTimeoutMs, type FailingSync } from '../robustness/failing-sync.ts'
import { ServerProcess } from '../robustness/server-process.ts'

const was = sampleChunk(100_000, 1).bytes
const is = sampleChunk(100_000, 2).bytes

let syncs: FailingSync
beforeAll(async () => {
  syncs = await buildFailingSync()
  return syncs.remove
}, compilerTimeoutMs)

const put = (server: ServerProcess, bytes: Buffer) => request(server, 'PUT', '/files/one', { body: bytes })

/** A server whose syncs may fail, with a file. */
async function givenServer() {
  const store = await temporaryDirectory()
  const server = await ServerProcess.start(store, [], syncs.env)
  expect((await put(server, was)).status).toBe(201)
  return { store, server }
}

function expectUnavailable({ status, headers, body }: Answer): void {
  expect([status, headers['retry-after']]).toEqual([503, '5'])
  expect(JSON.parse(body.toString())).toMatchObject({ code: 'unavailable' })
}

async function expectFile(server: ServerProcess, bytes: Buffer): Promise<void> {
  const answer = await request(server, 'GET', '/files/one')
  expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true])
}

/** Another server over what is on the disk once the first has been killed. */
async function afterKill(server: ServerProcess, store: string): Promise<ServerProcess> {
  await server.kill()
  return ServerProcess.start(store)
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

/** What is synced, and whether the file is there if that fails. */
const syncsOfPut: readonly (readonly [folder: string, nth: number, isThere: boolean])[] = [
  // The bytes of the chunk, and its directory.
  ['chunks', 1, false],
  ['chunks', 2, false],
  // The same of the manifest.
  ['records', 1, false],
  ['records', 2, false],
  // The directory from which the manifest of its predecessor was deleted.
  ['records', 3, true],
]

describe('a sync that fails once', () => {
  it('of a chunk, a manifest or a directory of theirs fails the upload, and the same content is taken then', async () => {
    const { store, server: first } = await givenServer()
    await first.terminate()
    await first.exited
    // Creating a shard syncs, too: which of the syncs is meant would depend on where a chunk
    // happens to go.
    for (const folder of ['chunks', 'records']) {
      for (const name of shardNames) await mkdir(join(store, folder, name), { recursive: true, mode: 0o700 })
    }
    const server = await ServerProcess.start(store, [], syncs.env)
    let current = was
    let stored = 1
    for (const [round, [folder, nth, isThere]] of syncsOfPut.entries()) {
      const next = sampleChunk(100_000, 10 + round).bytes
      await syncs.failNext(join(store, folder), nth)
      expectUnavailable(await put(server, next))
      await syncs.hasFailed()
      await expectFile(server, isThere ? next : current)
      expect((await put(server, next)).status).toBe(200)
      await expectFile(server, next)
      stored += 1
      // Of the upload that failed nothing stays.
      await eventually(async () => expect(await filesBelow(join(store, 'chunks'))).toHaveLength(stored))
      current = next
    }
    await expectFile(await afterKill(server, store), current)
  })

  it('of the log of the catalog ends all changes, until a restart that finds all that was acknowledged', async () => {
    const { store, server } = await givenServer()
    await syncs.failNext(join(store, 'catalog.sqlite-wal'), 1)
    expectUnavailable(await put(server, is))
    await syncs.hasFailed()
    for (const answer of [
      await put(server, is),
      await request(server, 'DELETE', '/files/one'),
      await request(server, 'POST', '/uploads', {
        headers: { 'Tus-Resumable': '1.0.0', 'Upload-Length': 1 },
      }),
      await request(server, 'GET', '/readyz'),
    ]) {
      expectUnavailable(answer)
    }
    await expectFile(server, was)
    expect(server.stdout).toContain('takes no more changes: check its disk, then restart the server')

    const restarted = await afterKill(server, store)
    await expectFile(restarted, was)
    expect((await put(restarted, is)).status).toBe(200)
    await expectFile(await afterKill(restarted, store), is)
  })

  it('of the catalog itself, when the server stops, loses nothing', async () => {
    const { store, server } = await givenServer()
    await syncs.failNext(join(store, 'catalog.sqlite'), 1)
    await server.terminate()
    await server.exited
    await syncs.hasFailed()
    const restarted = await ServerProcess.start(store)
    await expectFile(restarted, was)
    expect((await put(restarted, is)).status).toBe(200)
  })
})
