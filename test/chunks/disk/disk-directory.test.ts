import { mkdir, readFile, readdir, readlink, rename, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { shardNames } from '../../../src/chunks/disk/chunk-path.ts'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import type { Location } from '../../../src/model/chunk.ts'
import { isStoreError } from '../../../src/model/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { chunkOf, sampleChunk } from '../sample-chunk.ts'
import { isStored, listed, readAll } from '../store-calls.ts'
import { interposeFs, type FsFault } from './interpose-fs.ts'

const chunk = sampleChunk(1000)
/** Too large for a pack. */
const large = sampleChunk(64 * 1024 + 1)

async function openStore(directory: string): Promise<DiskChunkStore> {
  const store = await DiskChunkStore.open(directory)
  onTestFinished(() => store.close())
  return store
}

describe('the directory of a disk chunk store', () => {
  it('has files that show their digest and hold the bytes of the chunk and nothing else', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory)
    const location = await store.put(large.digest, [large.bytes])
    expect(location).toMatch(new RegExp(`^${large.digest.slice(0, 2)}/${large.digest}\\.[0-9a-f]{16}$`))
    expect((await readFile(join(directory, location))).equals(large.bytes)).toBe(true)
  })

  it('is created empty, and gets the sixteen shards of a row when one of them is written to', async () => {
    const directory = join(await temporaryDirectory(), 'deep', 'down')
    const store = await openStore(directory)
    expect(await readdir(directory)).toEqual([])
    const [row] = await store.put(large.digest, [large.bytes])
    expect((await readdir(directory)).sort()).toEqual(shardNames.filter((name) => name.startsWith(row!)))
  })

  it('is synced after a shard was created and before a chunk is put into it, small or large', async () => {
    const root = await temporaryDirectory()
    const { log } = interposeFs(root)
    for (const { digest, bytes } of [chunk, large]) {
      const store = await openStore(join(root, digest))
      log.length = 0
      await store.put(digest, [bytes])
      const synced = log.indexOf(`fsync ${digest} ends`)
      const written = log.findIndex((line) => line.startsWith('writev'))
      expect(synced).toBeGreaterThan(0)
      expect(synced).toBeLessThan(written)
    }
  })

  it('is not synced for a chunk whose shard is there', async () => {
    const directory = await temporaryDirectory()
    const { log } = interposeFs(directory)
    const store = await openStore(directory)
    await store.put(large.digest, [large.bytes])
    log.length = 0
    await store.put(large.digest, [large.bytes])
    expect(log).not.toContain(`fsync ${basename(directory)} begins`)
  })

  it('keeps no shard whose creation could not be synced, so that the next put creates it again', async () => {
    const directory = await temporaryDirectory()
    const plan: FsFault[] = []
    const { log } = interposeFs(directory, plan)
    const store = await openStore(directory)
    plan.push({ on: 'fsync', call: 'every', kind: 'fail', code: 'EIO' })
    await expect(store.put(large.digest, [large.bytes])).rejects.toMatchObject({ code: 'unavailable' })
    expect(await readdir(directory)).toEqual([])
    plan.length = 0
    log.length = 0
    await store.put(large.digest, [large.bytes])
    expect(log).toContain(`fsync ${basename(directory)} ends`)
  })

  it('without any shard has no chunks: reads reject not_found, and deletes resolve', async () => {
    const store = await DiskChunkStore.open(await temporaryDirectory(), { hasDurableDeletes: true })
    onTestFinished(() => store.close())
    const locations = [
      `ab/${'ab'.repeat(32)}.0123456789abcdef`,
      `ab/${'ab'.repeat(16)}.pack/000`,
    ] as Location[]
    for (const location of locations) {
      await expect(readAll(store, location, chunk)).rejects.toMatchObject({ code: 'not_found' })
      await store.delete(location)
    }
    expect(await listed(store)).toEqual([])
  })

  it('that an empty one has taken the place of, as when a disk is unmounted, stores and knows nothing', async () => {
    const directory = join(await temporaryDirectory(), 'mounted')
    const store = await openStore(directory)
    await rename(directory, `${directory}-elsewhere`)
    await mkdir(directory)
    const unavailable = { code: 'unavailable' }
    const location = `ab/${'ab'.repeat(32)}.0123456789abcdef` as Location
    await expect(readAll(store, location, chunk)).rejects.toMatchObject(unavailable)
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject(unavailable)
    await expect(store.put(large.digest, [large.bytes])).rejects.toMatchObject(unavailable)
    await expect(store.delete(location)).rejects.toMatchObject(unavailable)
    await expect(listed(store)).rejects.toMatchObject(unavailable)
    expect(await readdir(directory)).toEqual([])
  })

  it.runIf(process.platform === 'linux')('is refused where nothing can be created', async () => {
    for (const directory of ['/proc/ashlar', '/proc/ashlar/deep/down']) {
      await expect(DiskChunkStore.open(directory)).rejects.toMatchObject({ code: 'unavailable' })
    }
  })

  it('is refused where a file is in the way', async () => {
    const path = join(await temporaryDirectory(), 'file')
    await writeFile(path, '')
    for (const directory of [path, join(path, 'deep')]) {
      await expect(DiskChunkStore.open(directory)).rejects.toMatchObject({ code: 'unavailable' })
    }
    expect(await readFile(path, 'utf8')).toBe('')
  })

  it('still has everything when it is opened again', async () => {
    const directory = await temporaryDirectory()
    const before = await DiskChunkStore.open(directory)
    const location = await before.put(chunk.digest, [chunk.bytes])
    await before.close()
    const after = await openStore(directory)
    expect(await listed(after)).toEqual([{ location, digest: chunk.digest, size: 1000 }])
    expect(await isStored(after, location, chunk)).toBe(true)
  })

  it('is listed in the order of the locations', async () => {
    const store = await openStore(await temporaryDirectory())
    for (const size of [1, 2, 3]) {
      const { digest, bytes } = sampleChunk(size)
      for (let copy = 0; copy < 8; copy++) await store.put(digest, [bytes])
    }
    const locations = (await listed(store)).map(({ location }) => location)
    expect(locations).toHaveLength(24)
    expect(locations).toEqual(locations.toSorted())
  })

  it('serves two stores at once', async () => {
    const directory = await temporaryDirectory()
    const [one, other] = [await openStore(directory), await openStore(directory)]
    const location = await one.put(chunk.digest, [chunk.bytes])
    expect(await isStored(other, location, chunk)).toBe(true)
    await one.delete(location)
    expect(await listed(other)).toEqual([])
  })

  it('lists a file that was left half written, so that it can be deleted', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory)
    const location = `${chunk.digest.slice(0, 2)}/${chunk.digest}.0123456789abcdef` as Location
    await mkdir(join(directory, location.slice(0, 2)))
    await writeFile(join(directory, location), chunk.bytes.subarray(0, 300))
    expect(await listed(store)).toEqual([{ location, digest: chunk.digest, size: 300 }])
    await expect(readAll(store, location, chunk)).rejects.toMatchObject({ code: 'corrupt' })
    await store.delete(location)
    expect(await listed(store)).toEqual([])
  })

  it('may hold what is not ours, which is neither listed nor touched', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory)
    const location = await store.put(large.digest, [large.bytes])
    const shard = location.slice(0, 2)
    // Of the same row, so that it exists.
    const otherShard = `${shard.slice(0, 1)}${shard.endsWith('0') ? '1' : '0'}`
    const pack = `${shard}/${'0'.repeat(31)}`
    const foreign = [
      'lost+found',
      `${shard}/notes.txt`,
      `${shard}/${large.digest}`,
      `${location}.tmp`,
      `${location}0`,
      `${otherShard}/${location.slice(3)}`,
      `${shard}/${location.slice(3).toUpperCase()}`,
      `${pack}.pack`,
      `${shard}/${'0'.repeat(32)}.pack.tmp`,
      `${shard}/${'0'.repeat(32)}.0123456789abcdef`,
    ]
    for (const path of foreign) await writeFile(join(directory, path), 'not a chunk')
    const like = (suffix: string) => join(directory, `${shard}/${large.digest}.${suffix.repeat(16)}`)
    await mkdir(like('a'))
    await symlink(join(directory, location), like('b'))
    await mkdir(join(directory, `${pack}0.pack`))
    await symlink(join(directory, location), join(directory, `${pack}1.pack`))
    expect(await listed(store)).toEqual([{ location, digest: large.digest, size: large.bytes.length }])
    for (const path of foreign) expect(await readFile(join(directory, path), 'utf8')).toBe('not a chunk')
  })

  it('that is taken away makes calls reject unavailable, as nothing is known about its chunks', async () => {
    const directory = join(await temporaryDirectory(), 'mounted')
    const store = await openStore(directory)
    const location = await store.put(chunk.digest, [chunk.bytes])
    await rename(directory, `${directory}-elsewhere`)
    const unavailable = { code: 'unavailable' }
    await expect(readAll(store, location, chunk)).rejects.toMatchObject(unavailable)
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject(unavailable)
    await expect(store.delete(location)).rejects.toMatchObject(unavailable)
    await expect(listed(store)).rejects.toMatchObject(unavailable)
    await rename(`${directory}-elsewhere`, directory)
    expect(await isStored(store, location, chunk)).toBe(true)
  })

  it('that is a file cannot be opened', async () => {
    const path = join(await temporaryDirectory(), 'file')
    await writeFile(path, '')
    await expect(DiskChunkStore.open(path)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

it('refuses locations that no put can have made', async () => {
  const root = await temporaryDirectory()
  await writeFile(join(root, 'secret'), 'kept')
  const store = await openStore(join(root, 'store'))
  const { options } = chunkOf(Buffer.from('kept'))
  const file = `${'ab'.repeat(32)}.0123456789abcdef`
  const pack = `${'ab'.repeat(16)}.pack`
  const hostile = [
    '',
    '.',
    '../secret',
    '../ab/secret',
    'ab/../../secret',
    join(root, 'secret'),
    `/${file}`,
    `ab//${file}`,
    `ab/${file}/`,
    `ab/${file}/../../../secret`,
    `cd/${file}`,
    `ab/${file}\n`,
    `ab/${file}\0`,
    `../ab/${file}`,
    `AB/${file.toUpperCase()}`,
    file,
    `ab/${pack}/00`,
    `ab/${pack}/0000`,
    `ab/${pack}/000/`,
    `ab/${pack}/000\n`,
    `ab/${pack}/../secret`,
    `ab/${pack}/-01`,
    `ab/../ab/${pack}/000`,
    `ab/${'0'.repeat(32)}.tmp`,
    pack,
  ] as Location[]
  const into = Buffer.alloc(4)
  const calls = hostile.flatMap((location) => [
    store.read(location, 0, into, options),
    store.delete(location),
  ])
  const outcomes = await Promise.allSettled(calls)
  const isRefused = outcomes.map(
    (outcome) => outcome.status === 'rejected' && isStoreError(outcome.reason, 'corrupt'),
  )
  expect(isRefused).toEqual(calls.map(() => true))
  expect(into.equals(Buffer.alloc(4))).toBe(true)
  expect(await readFile(join(root, 'secret'), 'utf8')).toBe('kept')
})

describe('closing a disk chunk store', () => {
  it('waits for what is under way', async () => {
    const store = await openStore(await temporaryDirectory())
    const location = await store.put(chunk.digest, [chunk.bytes])
    const settled: string[] = []
    const calls = [
      store.put(chunk.digest, [chunk.bytes]).then(() => settled.push('put')),
      isStored(store, location, chunk).then(() => settled.push('read')),
    ]
    await store.close()
    settled.push('close')
    await Promise.all(calls)
    expect(settled.at(-1)).toBe('close')
    expect(settled).toHaveLength(3)
  })

  it('does not wait for an abandoned listing', async () => {
    const store = await openStore(await temporaryDirectory())
    // Two packs: the listing has another one to open when the store closes.
    for (let packs = 0; packs < 2; packs++) await store.put(chunk.digest, [chunk.bytes])
    const chunks = store.list()
    expect(await chunks.next()).toMatchObject({ value: { size: 1000 } })
    await store.close()
    await expect(chunks.next()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.runIf(process.platform === 'linux')('gives every descriptor back', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory)
    const location = await store.put(chunk.digest, [chunk.bytes])
    expect(await isStored(store, location, chunk)).toBe(true)
    const during = await descriptorsIn(directory)
    await store.close()
    // The pack and its shard.
    expect(during).toBe(2)
    expect(await descriptorsIn(directory)).toBe(0)
  })
})

/** How many descriptors of this process are open on the directory or something below it. */
async function descriptorsIn(directory: string): Promise<number> {
  const links = await Promise.all(
    // A descriptor may be closed between the listing and the look.
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter((link) => `${link}/`.startsWith(`${directory}/`)).length
}
