import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { inPieces, sampleChunk } from '../sample-chunk.ts'
import { isStored, listed, readRange } from '../store-calls.ts'
import { interposeFs } from './interpose-fs.ts'
import type { FsCall, FsFault } from './interpose-fs.ts'
import { makeShards } from './make-shards.ts'

const chunk = sampleChunk(100_000)
const pieces = inPieces(chunk.bytes, 1000)

// One directory for all, with all shards: their creation is a matter for disk-directory.test.ts.
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  makeShards(directory)
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function openInterposed(plan: readonly FsFault[] = []) {
  const { log, opened } = interposeFs(directory, plan)
  const store = await DiskChunkStore.open(directory)
  log.length = 0
  const shard = join(directory, chunk.digest.slice(0, 2))
  const files = () => readdir(shard)
  const openFiles = () => [...opened.values()].filter((path) => path.includes(chunk.digest))
  onTestFinished(async () => {
    await store.close()
    for (const file of await files()) await rm(join(shard, file))
  })
  return { store, log, files, openFiles }
}

describe('a put', () => {
  it('syncs the file, then the directory, and then resolves', async () => {
    const { store, log } = await openInterposed()
    const location = await store.put(chunk.digest, pieces)
    log.push('resolves')
    const [shard = '', file = ''] = location.split('/')
    expect(log.filter((line) => !line.startsWith(`open ${shard} `))).toEqual([
      ...['open', 'writev', 'fdatasync', 'close'].flatMap((call) => [
        `${call} ${file} begins`,
        `${call} ${file} ends`,
      ]),
      `fsync ${shard} begins`,
      `fsync ${shard} ends`,
      'resolves',
    ])
  })

  it('has taken the pieces when they are written, before it syncs', async () => {
    const { store, log } = await openInterposed()
    const location = await store.put(chunk.digest, pieces, { onTaken: () => log.push('taken') })
    const file = basename(location)
    const at = log.indexOf('taken')
    expect(log.slice(at - 1, at + 2)).toEqual([`writev ${file} ends`, 'taken', `fdatasync ${file} begins`])
    expect(log.lastIndexOf('taken')).toBe(at)
  })

  it('has not taken pieces that could not be written', async () => {
    const { store, log } = await openInterposed([{ on: 'writev', call: 1, kind: 'fail', code: 'EIO' }])
    const put = store.put(chunk.digest, pieces, { onTaken: () => log.push('taken') })
    await expect(put).rejects.toMatchObject({ code: 'unavailable' })
    expect(log).not.toContain('taken')
  })

  it('rides on no directory sync that started before its file was complete', async () => {
    const { store, log } = await openInterposed()
    const locations = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const location = await store.put(chunk.digest, pieces)
        log.push(`${location} resolves`)
        return location
      }),
    )
    const shard = chunk.digest.slice(0, 2)
    for (const location of locations) {
      const synced = log.indexOf(`fdatasync ${location.slice(3)} ends`)
      const began = log.indexOf(`fsync ${shard} begins`, synced)
      const ended = log.indexOf(`fsync ${shard} ends`, began)
      expect(synced).toBeGreaterThan(0)
      expect(began).toBeGreaterThan(synced)
      expect(ended).toBeGreaterThan(began)
      expect(log.indexOf(`${location} resolves`)).toBeGreaterThan(ended)
    }
  })

  it('goes on where a write stops short', async () => {
    const { store } = await openInterposed([{ on: 'writev', call: 'every', kind: 'short' }])
    expect(await isStored(store, await store.put(chunk.digest, pieces), chunk)).toBe(true)
    expect(await isStored(store, await store.put(chunk.digest, [chunk.bytes]), chunk)).toBe(true)
  })
})

describe('a put that fails', () => {
  it.each<{ on: FsCall; code: string; expected: string }>([
    { on: 'open', code: 'ENOSPC', expected: 'no_space' },
    { on: 'open', code: 'EMFILE', expected: 'unavailable' },
    { on: 'writev', code: 'ENOSPC', expected: 'no_space' },
    { on: 'writev', code: 'EDQUOT', expected: 'no_space' },
    { on: 'writev', code: 'EIO', expected: 'unavailable' },
    { on: 'fdatasync', code: 'EIO', expected: 'unavailable' },
    { on: 'fdatasync', code: 'ENOSPC', expected: 'no_space' },
    { on: 'fsync', code: 'EIO', expected: 'unavailable' },
  ])('in $on with $code rejects $expected, leaves no file, and syncs nothing again', async (row) => {
    const faults: FsFault[] = []
    const { store, log, files, openFiles } = await openInterposed(faults)
    faults.push({ on: row.on, call: 'every', kind: 'fail', code: row.code })
    await expect(store.put(chunk.digest, pieces)).rejects.toMatchObject({
      name: 'StoreError',
      code: row.expected,
      cause: { code: row.code },
    })
    expect(await files()).toEqual([])
    expect(log.filter((line) => line.startsWith(`${row.on} `) && line.endsWith(' begins'))).toHaveLength(1)
    expect(openFiles()).toEqual([])
    faults.pop()
    expect(await isStored(store, await store.put(chunk.digest, pieces), chunk)).toBe(true)
  })

  it('after a short write leaves no file', async () => {
    const faults: FsFault[] = []
    const { store, files } = await openInterposed(faults)
    faults.push(
      { on: 'writev', call: 1, kind: 'short' },
      { on: 'writev', call: 2, kind: 'fail', code: 'ENOSPC' },
    )
    await expect(store.put(chunk.digest, pieces)).rejects.toMatchObject({ code: 'no_space' })
    expect(await files()).toEqual([])
  })

  it('and whose file cannot be removed says why it failed, and leaves garbage', async () => {
    const faults: FsFault[] = []
    const { store } = await openInterposed(faults)
    faults.push({ on: 'fdatasync', call: 1, kind: 'fail', code: 'EIO' })
    faults.push({ on: 'unlink', call: 1, kind: 'fail', code: 'EROFS' })
    await expect(store.put(chunk.digest, pieces)).rejects.toMatchObject({ cause: { code: 'EIO' } })
    const garbage = await listed(store)
    expect(garbage).toHaveLength(1)
    await store.delete(garbage[0]!.location)
    expect(await listed(store)).toEqual([])
  })
})

describe('a put aborted', () => {
  it.each<FsCall>(['open', 'writev', 'fdatasync'])(
    'during %s rejects with the reason and leaves no file',
    async (on) => {
      const faults: FsFault[] = []
      const { store, log, files, openFiles } = await openInterposed(faults)
      const controller = new AbortController()
      const reason = new Error('the client went away')
      faults.push({ on, call: 'every', kind: 'meanwhile', run: () => controller.abort(reason) })
      const put = store.put(chunk.digest, pieces, { signal: controller.signal })
      await expect(put).rejects.toBe(reason)
      expect(await files()).toEqual([])
      expect(openFiles()).toEqual([])
      expect(log.at(-1)).toMatch(/^unlink .* ends$/)
      expect(log.find((line) => line.startsWith('fsync'))).toBeUndefined()
    },
  )
})

describe('a read', () => {
  it('goes on where the system stops short', async () => {
    const { store } = await openInterposed([{ on: 'read', call: 'every', kind: 'short' }])
    const location = await store.put(chunk.digest, pieces)
    const bytes = await readRange(store, location, chunk, 17, 99_999)
    expect(bytes.equals(chunk.bytes.subarray(17, 99_999))).toBe(true)
  })

  it('that is aborted settles when the system has let go of the buffer', async () => {
    const faults: FsFault[] = []
    const { store, log } = await openInterposed(faults)
    const location = await store.put(chunk.digest, pieces)
    const controller = new AbortController()
    const reason = new Error('the client went away')
    faults.push({ on: 'read', call: 1, kind: 'meanwhile', run: () => controller.abort(reason) })
    const options = { ...chunk.options, signal: controller.signal }
    await expect(store.read(location, 0, Buffer.alloc(1000), options)).rejects.toBe(reason)
    expect(log.filter((line) => line.startsWith('read'))).toEqual([
      `read ${location.slice(3)} begins`,
      `read ${location.slice(3)} ends`,
    ])
  })

  it('that is aborted says so even if it would have failed', async () => {
    const { store } = await openInterposed()
    const location = await store.put(chunk.digest, pieces)
    await store.delete(location)
    const controller = new AbortController()
    const reason = new Error('the client went away')
    const options = { ...chunk.options, signal: controller.signal }
    const read = store.read(location, 0, Buffer.alloc(1000), options)
    controller.abort(reason)
    await expect(read).rejects.toBe(reason)
  })

  it.each([
    { on: 'read', fails: 'EIO', expected: 'corrupt' },
    { on: 'read', fails: 'EAGAIN', expected: 'unavailable' },
    { on: 'open', fails: 'EIO', expected: 'unavailable' },
    { on: 'open', fails: 'EACCES', expected: 'unavailable' },
  ] as const)('that fails to $on with $fails rejects $expected, and the next one is tried', async (row) => {
    const plan: FsFault[] = []
    const { store } = await openInterposed(plan)
    const location = await store.put(chunk.digest, pieces)
    plan.push({ on: row.on, call: 'every', kind: 'fail', code: row.fails })
    await expect(isStored(store, location, chunk)).rejects.toMatchObject({
      code: row.expected,
      cause: { code: row.fails },
    })
    plan.length = 0
    expect(await isStored(store, location, chunk)).toBe(true)
  })
})

describe('opening a store', () => {
  it('syncs its directory, and each above it up to one that was there', async () => {
    const root = await temporaryDirectory()
    const { log } = interposeFs(root)
    const store = await DiskChunkStore.open(join(root, 'a', 'b'))
    onTestFinished(() => store.close())
    const synced = log.filter((line) => line.startsWith('fsync') && line.endsWith('ends'))
    expect(synced).toEqual(['fsync b ends', 'fsync a ends', `fsync ${basename(root)} ends`])
  })

  it('closes what it opened when a directory cannot be synced', async () => {
    const root = await temporaryDirectory()
    const { opened } = interposeFs(root, [{ on: 'fsync', call: 1, kind: 'fail', code: 'EIO' }])
    await expect(DiskChunkStore.open(root)).rejects.toMatchObject({
      code: 'unavailable',
      cause: { code: 'EIO' },
    })
    expect([...opened.values()]).toEqual([])
  })
})
