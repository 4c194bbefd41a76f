import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileSource, type AshlarClient, type Source } from '../../src/client/node.ts'
import { get, MiB, sample } from '../http/sample.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { eventually } from '../robustness/eventually.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import { all, clientOf, continuations, freshName, progressOf, sourceOf } from './fixtures.ts'

/** Two parts; their chunks are stored once for all tests. */
const size = 11 * MiB
const bytes = sample(size)

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize: MiB })
})
afterAll(() => server.stop())

/** Sends 2 MiB of each part, and is ended when the server has half of that. */
async function breakOff(client: AshlarClient, name: string, source: Source, parallel = 4): Promise<void> {
  const controller = new AbortController()
  const halting: Source = {
    ...source,
    async *read(from, to) {
      yield* source.read(from, Math.min(to, from + 2 * MiB))
      await new Promise<never>(() => {})
    },
  }
  const { result } = client.put(name, halting, { signal: controller.signal, parallel })
  result.catch(() => {})
  await eventually(async () => {
    const uploads = (await all(clientOf(server).listUploads())).filter((upload) => upload.name === name)
    expect(uploads).toHaveLength(Math.min(parallel, 2))
    expect(uploads.every(({ offset }) => offset >= MiB)).toBe(true)
  })
  controller.abort(new Error('killed'))
  await expect(result).rejects.toThrow('killed')
}

describe('put after an attempt that was broken off', () => {
  it.each([
    ['side by side', 4],
    ['one after the other', 1],
  ])('sends nothing again but what was on its way, %s', async (_, parallel) => {
    const proxy = await FaultyProxy.open(server)
    const name = freshName()
    await breakOff(clientOf(proxy), name, sourceOf(bytes, 'print'), parallel)
    const transfer = clientOf(proxy).put(name, sourceOf(bytes, 'print'), { parallel })
    const [{ file }, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(file.size).toBe(size)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    const reused = progress.at(-1)?.reused ?? 0
    expect(reused).toBeGreaterThanOrEqual(Math.min(parallel, 2) * MiB)
    expect(progress.at(-1)).toEqual({ done: size, reused, total: size })
    const continued = continuations(proxy)
    expect(continued.length).toBeGreaterThan(0)
    expect(continued).not.toContain(false)
    expect(await all(clientOf(server).listUploads())).toEqual([])
  })

  it('also with another number of parts', async () => {
    const name = freshName()
    await breakOff(clientOf(server), name, sourceOf(bytes, 'print'), 1)
    const transfer = clientOf(server).put(name, sourceOf(bytes, 'print'), { parallel: 3 })
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(progress.at(-1)?.reused).toBeGreaterThanOrEqual(MiB)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
  })

  it.each([
    ['another name', 'other-name', 'print'],
    ['another fingerprint', undefined, 'other print'],
    ['no fingerprint', undefined, undefined],
  ])('takes nothing of %s', async (_, other, fingerprint) => {
    const name = freshName()
    await breakOff(clientOf(server), name, sourceOf(bytes, 'print'))
    const transfer = clientOf(server).put(other ?? name, sourceOf(bytes, fingerprint))
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
  })

  it('sends the rest again of a source that changed unnoticed', async () => {
    const name = freshName()
    await breakOff(clientOf(server), name, sourceOf(bytes, 'print'))
    const changed = bytes.map((byte) => byte ^ 1) as Buffer
    const transfer = clientOf(server).put(name, sourceOf(Buffer.from(changed), 'print'))
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
    expect((await get(server, name)).body.equals(changed)).toBe(true)
  })

  it('gets along with another client that sends the same at the same time', async () => {
    const name = freshName()
    await breakOff(clientOf(server), name, sourceOf(bytes, 'print'))
    const both = [1, 2].map(() => clientOf(server).put(name, sourceOf(bytes, 'print')).result)
    await Promise.all(both)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
  })
})

describe('a file as the source', () => {
  it('is found again by another handle', async () => {
    const path = join(await temporaryDirectory(), 'source')
    await writeFile(path, bytes)
    const name = freshName()
    const first = await fileSource(path)
    await breakOff(clientOf(server), name, first)
    await first.close()
    const second = await fileSource(path)
    const transfer = clientOf(server).put(name, second)
    const [, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(progress.at(-1)?.reused).toBeGreaterThanOrEqual(MiB)
    await second.close()
  })

  it.each([
    ['grows', async (path: string) => writeFile(path, 'more', { flag: 'a' })],
    ['gets shorter', async (path: string) => writeFile(path, bytes.subarray(1))],
    ['is written over', async (path: string) => writeFile(path, 'x', { flag: 'r+' })],
  ])('makes no file if it %s meanwhile', async (_, change) => {
    const path = join(await temporaryDirectory(), 'source')
    await writeFile(path, bytes)
    const source = await fileSource(path)
    const changed = Promise.withResolvers<unknown>()
    const proxy = await FaultyProxy.open(server, [
      // Of the last part to be compared: the first may have been by then.
      {
        on: 'GET /api/uploads/',
        call: 2,
        kind: 'lose-answer',
        meanwhile: () => changed.resolve(change(path)),
      },
    ])
    const name = freshName()
    const { result } = clientOf(proxy, { firstPauseMs: 200 }).put(name, source)
    await expect(result).rejects.toMatchObject({ code: 'digest_mismatch' })
    await changed.promise
    await source.close()
    expect((await get(server, name)).status).toBe(404)
  })
})
