import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { problemIn } from '../http/refused.ts'
import { get, given, inPieces, put } from '../http/sample.ts'
import { create, fileOf, givenUpload, offsetOf, patch } from '../fronts/tus/tus-client.ts'
import { request } from '../support/http-request.ts'
import { smallDisk } from '../support/small-disk.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { expectNoLeftovers } from './expect-no-leftovers.ts'
import { openFaultyServer, type FaultyServer } from './faulty-server.ts'

const KiB = 1024
const diskBytes = 8192 * KiB
const kept = sampleChunk(300 * KiB, 1).bytes
/** Fits on the disk, but not twice. */
const large = sampleChunk(4096 * KiB, 2).bytes
const full = [507, 'no_space']

interface Disk {
  readonly server: FaultyServer
  /** Only so many bytes can be stored from now on. */
  readonly leave: (bytes: number) => Promise<void>
  readonly giveBack: () => Promise<void>
}

/** A real one, on which all that a server keeps is. */
async function realDisk(context: TestContext): Promise<Disk> {
  const directory = await smallDisk(diskBytes, context)
  const server = await openFaultyServer(directory)
  onTestFinished(server.stop)
  const ballast = join(directory, 'ballast')
  return {
    server,
    async leave(bytes) {
      const { bavail, bsize } = await statfs(directory)
      await writeFile(ballast, Buffer.alloc(bavail * bsize - bytes))
    },
    giveBack: () => rm(ballast),
  }
}

/** Chunks have a quota, and what refuses without space refuses as planned. */
async function quota(): Promise<Disk> {
  const server = await openFaultyServer(await temporaryDirectory())
  onTestFinished(server.stop)
  const { chunks, manifests, catalog } = server.faults
  return {
    server,
    async leave(bytes) {
      const capacity = kept.length + bytes
      chunks.replan([{ on: 'put', call: 'every', kind: 'fill-up', capacity }])
      if (bytes > 0) return
      manifests.replan([{ on: 'put', call: 'every', kind: 'no-space' }])
      const changes = ['createUpload', 'deleteFile', 'updateFile', 'createFile'] as const
      catalog.replan(changes.map((on) => ({ on, call: 'every', kind: 'no-space' })))
    },
    async giveBack() {
      for (const part of [chunks, manifests, catalog]) part.replan([])
    },
  }
}

describe.each([
  ['a small disk', realDisk],
  ['a quota', quota],
])('%s that is full', (_, open) => {
  it('ends the upload that fills it, leaves everything else alone, and takes it when there is space', async (context) => {
    const { server, leave, giveBack } = await open(context)
    await given(server, 'kept', kept)
    await leave(large.length / 2)
    expect(problemIn(await put(server, 'large', inPieces(large)))).toEqual(full)
    expect((await get(server, 'large')).status).toBe(404)
    expect((await get(server, 'kept')).body.equals(kept)).toBe(true)
    await expectNoLeftovers(server.store)
    // What fits is taken at once, and content that is there needs no space.
    await given(server, 'small', sampleChunk(KiB, 3).bytes)
    await given(server, 'copy', kept)
    await giveBack()
    await given(server, 'large', inPieces(large))
    expect((await get(server, 'large')).body.equals(large)).toBe(true)
    await expectNoLeftovers(server.store)
  })

  it('keeps what has come of an upload that can be continued', async (context) => {
    const { server, leave, giveBack } = await open(context)
    await given(server, 'kept', kept)
    await leave(large.length / 2)
    const path = await givenUpload(server, { 'Upload-Length': large.length }, large.subarray(0, 100))
    expect(problemIn(await patch(server, path, 100, inPieces(large.subarray(100))))).toEqual(full)
    const offset = (await offsetOf(server, path))!
    expect(offset).toBeGreaterThan(100)
    expect((await get(server, 'kept')).body.equals(kept)).toBe(true)
    await giveBack()
    expect((await patch(server, path, offset, large.subarray(offset))).status).toBe(204)
    expect((await fileOf(server, path)).equals(large)).toBe(true)
    await expectNoLeftovers(server.store)
  })

  it('refuses what the catalog would have to take down, and changes nothing', async (context) => {
    const { server, leave, giveBack } = await open(context)
    await given(server, 'kept', kept)
    await leave(0)
    const change = () =>
      request(server, 'PATCH', '/api/files/kept', {
        headers: { 'Content-Type': 'application/json' },
        body: '{"name":"renamed"}',
      })
    for (const send of [
      () => create(server, { 'Upload-Length': 10 }),
      () => request(server, 'DELETE', '/files/kept'),
      () => put(server, 'copy', kept),
      () => put(server, 'empty', ''),
      change,
    ]) {
      expect(problemIn(await send())).toEqual(full)
    }
    expect((await get(server, 'kept')).body.equals(kept)).toBe(true)
    await giveBack()
    await given(server, 'empty', '')
    expect((await change()).status).toBe(200)
    expect((await request(server, 'DELETE', '/files/renamed')).status).toBe(204)
    await expectNoLeftovers(server.store)
  })
})

it('that cannot take the manifest of what was out of its pack loses nothing of what is', async () => {
  const server = await openFaultyServer(await temporaryDirectory())
  onTestFinished(server.stop)
  const { manifests } = server.faults
  for (const name of ['put', 'patched', 'deleted']) await given(server, name, sampleChunk(KiB, 4).bytes)
  manifests.replan([{ on: 'delete', call: 'every', kind: 'no-space' }])
  // The catalog has it by then, so this is no refusal.
  const uncertain = [503, 'unavailable']
  const after = sampleChunk(KiB, 5).bytes
  expect(problemIn(await put(server, 'put', after))).toEqual(uncertain)
  const change = { headers: { 'Content-Type': 'application/json' }, body: '{"mediaType":"text/css"}' }
  expect(problemIn(await request(server, 'PATCH', '/api/files/patched', change))).toEqual(uncertain)
  expect(problemIn(await request(server, 'DELETE', '/files/deleted'))).toEqual(uncertain)
  manifests.replan([])
  expect((await get(server, 'put')).body.equals(after)).toBe(true)
  expect((await get(server, 'deleted')).status).toBe(404)
  await expectNoLeftovers(server.store)
})
