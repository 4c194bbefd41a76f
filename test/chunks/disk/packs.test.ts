import { renameSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { DiskChunkStore, type DiskChunkStoreOptions } from '../../../src/chunks/disk/disk-chunk-store.ts'
import { writePackHeader } from '../../../src/chunks/disk/packs/pack-header.ts'
import type { Location } from '../../../src/model/chunk.ts'
import { digestOfBlock, digestOfChunk } from '../../../src/model/hashers.ts'
import { flipBitOfFile } from '../flip-bit-of-file.ts'
import { inPieces, sampleChunk, type SampleChunk } from '../sample-chunk.ts'
import { storedAt, storedFiles } from '../stored-files.ts'
import { isStored, listed, readAll, readRange } from '../store-calls.ts'
import { interposeFs, type FsCall, type FsFault } from './interpose-fs.ts'
import { makeShards } from './make-shards.ts'

const KiB = 1024

// One directory for all, with all shards: their creation is a matter for disk-directory.test.ts.
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  makeShards(directory)
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function open(options?: DiskChunkStoreOptions) {
  const faults: FsFault[] = []
  const { log, opened } = interposeFs(directory, faults)
  const store = await DiskChunkStore.open(directory, options)
  log.length = 0
  onTestFinished(async () => {
    faults.length = 0
    await store.close()
    for (const path of await filesThere()) await rm(join(directory, path))
  })
  const openPacks = () => [...opened.values()].filter((path) => /\.(?:pack|tmp)$/.test(path))
  return { store, log, faults, openPacks }
}

/** Paths below the directory. */
async function filesThere(): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
}

const chunksOf = (count: number, size = 1000) =>
  Array.from({ length: count }, (_, seed) => sampleChunk(size, seed + 1))

const put = (store: DiskChunkStore, { digest, bytes }: SampleChunk, signal?: AbortSignal) =>
  store.put(digest, inPieces(bytes, 300), signal && { signal })

/** The first is alone in a pack, and all others that it has room for are in the next. */
async function putTogether(store: DiskChunkStore, chunks: readonly SampleChunk[]) {
  return Promise.all(chunks.map((chunk) => put(store, chunk)))
}

/** Some chunks of one pack, by their numbers there. */
async function givenPack(store: DiskChunkStore, count: number) {
  const chunks = chunksOf(count + 1)
  const [alone, ...locations] = await putTogether(store, chunks)
  await store.delete(alone!)
  expect(new Set(locations.map(packOf)).size).toBe(1)
  return { path: join(directory, packOf(locations[0]!)), chunks: chunks.slice(1), locations }
}

const packOf = (location: Location) => location.slice(0, -4)
const calls = (log: readonly string[], call: FsCall) =>
  log.filter((line) => line.startsWith(`${call} `) && line.endsWith(' begins'))

async function soundOnes(
  store: DiskChunkStore,
  chunks: readonly SampleChunk[],
  locations: readonly Location[],
) {
  return Promise.all(
    chunks.map((chunk, index) => isStored(store, locations[index]!, chunk).catch(() => false)),
  )
}

describe('small chunks', () => {
  it('that come while a pack is written share the next one, and two syncs', async () => {
    const { store, log } = await open()
    const chunks = chunksOf(40)
    const locations = await putTogether(store, chunks)
    expect(calls(log, 'fdatasync')).toHaveLength(2)
    expect(calls(log, 'fsync')).toHaveLength(2)
    expect(await filesThere()).toHaveLength(2)
    expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
  })

  it('have a pack whose bytes are synced before it gets its name, and the name before they resolve', async () => {
    const { store, log } = await open()
    const location = await put(store, sampleChunk(1000))
    log.push('resolves')
    const shard = location.slice(0, 2)
    const temporary = log[0]!.split(' ')[1]!
    expect(temporary).toMatch(/^[0-9a-f]{32}\.[0-9a-f]{16}\.tmp$/)
    const ends = log.filter((line) => !line.endsWith(' begins') && line !== `open ${shard} ends`)
    expect(ends).toEqual([
      ...['open', 'writev', 'fdatasync', 'close', 'rename'].map((call) => `${call} ${temporary} ends`),
      `fsync ${shard} ends`,
      'resolves',
    ])
  })

  it.each([
    [64 * KiB, /^[0-9a-f]{2}\/[0-9a-f]{32}\.pack\/000$/],
    [64 * KiB + 1, /^[0-9a-f]{2}\/[0-9a-f]{64}\.[0-9a-f]{16}$/],
  ])('have up to 64 KiB: %d bytes', async (size, shape) => {
    const { store } = await open()
    const chunk = sampleChunk(size)
    const location = await put(store, chunk)
    expect(location).toMatch(shape)
    expect(await isStored(store, location, chunk)).toBe(true)
  })

  it.each([
    ['256 chunks', 600, 10, [1, 256, 256, 87]],
    ['1 MiB', 40, 64 * KiB, [1, 16, 16, 7]],
    ['1 MiB, however they fit', 30, 60_000, [1, 17, 12]],
  ])('fill a pack up to %s', async (_, count, size, expected) => {
    const { store } = await open()
    const chunks = chunksOf(count, size)
    const locations = await putTogether(store, chunks)
    const counts = new Map<string, number>()
    for (const location of locations) counts.set(packOf(location), (counts.get(packOf(location)) ?? 0) + 1)
    expect([...counts.values()]).toEqual(expected)
    expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
  })

  it('are listed with what the header says, and read without opening the pack again', async () => {
    const { store, log } = await open()
    const { chunks, locations } = await givenPack(store, 5)
    const expected = chunks.map(({ digest, bytes }, index) => ({
      location: locations[index],
      digest,
      size: bytes.length,
    }))
    expect(await listed(store)).toEqual(expected)
    log.length = 0
    expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
    expect(calls(log, 'open')).toHaveLength(1)
    expect(calls(log, 'read')).toHaveLength(6)
  })

  it('end where the next one begins', async () => {
    const { store } = await open()
    const { chunks, locations } = await givenPack(store, 2)
    await expect(readRange(store, locations[0]!, chunks[0]!, 990, 1001)).rejects.toMatchObject({
      code: 'corrupt',
    })
    await expect(readRange(store, locations[0]!, chunks[0]!, 1000, 1001)).rejects.toMatchObject({
      code: 'corrupt',
    })
  })

  it('go on where the system stops short', async () => {
    const { store, faults } = await open()
    faults.push({ on: 'writev', call: 'every', kind: 'short' }, { on: 'read', call: 'every', kind: 'short' })
    const chunks = chunksOf(5)
    const locations = await putTogether(store, chunks)
    expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
  })
})

describe('a pack that fails', () => {
  it.each<{ on: FsCall; code: string; expected: string }>([
    { on: 'open', code: 'ENOSPC', expected: 'no_space' },
    { on: 'writev', code: 'ENOSPC', expected: 'no_space' },
    { on: 'fdatasync', code: 'EIO', expected: 'unavailable' },
    { on: 'rename', code: 'EIO', expected: 'unavailable' },
    { on: 'fsync', code: 'EIO', expected: 'unavailable' },
  ])(
    'in $on with $code fails its own puts, leaves no file, and syncs nothing again',
    async ({ on, code, expected }) => {
      const { store, log, faults, openPacks } = await open()
      faults.push({ on, call: 'every', kind: 'fail', code })
      const chunks = chunksOf(5)
      const failing = await Promise.allSettled([put(store, chunks[0]!)])
      faults.length = 0
      const began = calls(log, 'fdatasync').length
      expect(failing).toMatchObject([{ status: 'rejected', reason: { code: expected, cause: { code } } }])
      expect(calls(log, on)).toHaveLength(1)
      expect(await filesThere()).toEqual([])
      expect(openPacks()).toEqual([])
      // Else these could all come along with what follows the failure.
      await nextTurn()
      const locations = await putTogether(store, chunks)
      expect(calls(log, 'fdatasync').length - began).toBe(2)
      expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
    },
  )

  it('fails none of the pack before it or after it', async () => {
    const { store, faults } = await open()
    const chunks = chunksOf(12)
    // While the first is synced others come, and while those are, yet others.
    const later: Promise<PromiseSettledResult<Location>[]>[] = []
    faults.push(
      { on: 'fdatasync', call: 2, kind: 'fail', code: 'EIO' },
      {
        on: 'writev',
        call: 2,
        kind: 'meanwhile',
        run: () => later.push(Promise.allSettled(chunks.slice(6).map((chunk) => put(store, chunk)))),
      },
    )
    const [first, ...second] = await Promise.allSettled(chunks.slice(0, 6).map((chunk) => put(store, chunk)))
    const third = await later[0]!
    expect(first!.status).toBe('fulfilled')
    expect(new Set(second.map(({ status }) => status))).toEqual(new Set(['rejected']))
    expect(new Set(third.map(({ status }) => status))).toEqual(new Set(['fulfilled']))
    expect(await listed(store)).toHaveLength(7)
    expect(await filesThere()).toHaveLength(2)
  })

  it('and cannot be removed is garbage that can', async () => {
    const { store, faults } = await open()
    faults.push(
      { on: 'fdatasync', call: 1, kind: 'fail', code: 'EIO' },
      { on: 'unlink', call: 1, kind: 'fail', code: 'EROFS' },
    )
    await expect(put(store, sampleChunk(1000))).rejects.toMatchObject({ cause: { code: 'EIO' } })
    const garbage = await listed(store)
    expect(garbage).toMatchObject([{ location: (await filesThere())[0] }])
    await store.delete(garbage[0]!.location)
    expect(await filesThere()).toEqual([])
  })
})

describe('an aborted put', () => {
  const reason = new Error('the client went away')

  it.each<FsCall>(['open', 'writev', 'fdatasync', 'rename'])(
    'during %s of a pack that nobody else wants leaves nothing',
    async (on) => {
      const { store, log, faults, openPacks } = await open()
      const controller = new AbortController()
      faults.push({ on, call: 'every', kind: 'meanwhile', run: () => controller.abort(reason) })
      await expect(put(store, sampleChunk(1000), controller.signal)).rejects.toBe(reason)
      expect(await filesThere()).toEqual([])
      expect(openPacks()).toEqual([])
      expect(calls(log, 'fsync')).toHaveLength(on === 'rename' ? 1 : 0)
    },
  )

  it.each<FsCall>(['writev', 'fdatasync', 'rename'])(
    'during %s of a pack takes itself out, and leaves the others',
    async (on) => {
      const { store, faults } = await open()
      const controller = new AbortController()
      const chunks = chunksOf(6)
      faults.push({ on, call: 2, kind: 'meanwhile', run: () => controller.abort(reason) })
      const puts = chunks.map((chunk, index) =>
        put(store, chunk, index === 3 ? controller.signal : undefined),
      )
      const outcomes = await Promise.allSettled(puts)
      expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([
        true,
        true,
        true,
        false,
        true,
        true,
      ])
      expect(outcomes[3]).toMatchObject({ reason })
      const kept = await listed(store)
      expect(kept.map(({ digest }) => digest).sort()).toEqual(
        chunks
          .filter((_, index) => index !== 3)
          .map(({ digest }) => digest)
          .sort(),
      )
    },
  )

  it('before its pack is begun is not in it', async () => {
    const { store, log, faults } = await open()
    const controller = new AbortController()
    faults.push({ on: 'fdatasync', call: 1, kind: 'meanwhile', run: () => controller.abort(reason) })
    const chunks = chunksOf(3)
    const puts = chunks.map((chunk, index) => put(store, chunk, index === 1 ? controller.signal : undefined))
    expect(await Promise.allSettled(puts)).toMatchObject([{}, { status: 'rejected', reason }, {}])
    expect(calls(log, 'unlink')).toEqual([])
    expect((await listed(store)).map(({ location }) => location.slice(-3))).toEqual(['000', '000'])
  })
})

describe('deletes of one pack', () => {
  it('that come together are one rewrite, and leave the others where they are', async () => {
    const { store, log } = await open()
    const { path, chunks, locations } = await givenPack(store, 10)
    log.length = 0
    await Promise.all(
      locations.filter((_, index) => index % 2 === 0).map((location) => store.delete(location)),
    )
    expect(calls(log, 'rename')).toHaveLength(1)
    expect(await soundOnes(store, chunks, locations)).toEqual(locations.map((_, index) => index % 2 === 1))
    expect((await listed(store)).map(({ location }) => location)).toEqual(
      locations.filter((_, index) => index % 2 === 1),
    )
    await expect(readAll(store, locations[0]!, chunks[0]!)).rejects.toMatchObject({ code: 'not_found' })
    const left = await readFile(path)
    expect(left.length).toBeLessThan(5 * 1000 + 2 * 700)
  })

  it('sync what is left before it takes the place of what was', async () => {
    const { store, log } = await open()
    const { locations } = await givenPack(store, 3)
    log.length = 0
    await store.delete(locations[1]!)
    const steps = log.filter((line) => line.includes('.tmp ') && line.endsWith(' ends'))
    expect(steps.map((line) => line.split(' ')[0])).toEqual([
      'open',
      'writev',
      'fdatasync',
      'close',
      'rename',
    ])
    expect(calls(log, 'fsync')).toEqual([])
  })

  it('are synced where they are to be durable', async () => {
    const { store, log } = await open({ hasDurableDeletes: true })
    const { locations } = await givenPack(store, 3)
    log.length = 0
    await store.delete(locations[1]!)
    expect(log.slice(-2)).toEqual(
      ['begins', 'ends'].map((end) => `fsync ${locations[1]!.slice(0, 2)} ${end}`),
    )
    log.length = 0
    await Promise.all([store.delete(locations[0]!), store.delete(locations[2]!)])
    expect(calls(log, 'fdatasync')).toEqual([])
    expect(calls(log, 'unlink')).toHaveLength(1)
    expect(log.at(-1)).toBe(`fsync ${locations[1]!.slice(0, 2)} ends`)
    expect(await filesThere()).toEqual([])
  })

  it.each<{ on: FsCall; code: string; expected: string }>([
    { on: 'open', code: 'EMFILE', expected: 'unavailable' },
    { on: 'writev', code: 'ENOSPC', expected: 'no_space' },
    { on: 'fdatasync', code: 'EIO', expected: 'unavailable' },
    { on: 'rename', code: 'EIO', expected: 'unavailable' },
  ])('that fail in $on change nothing, and can be tried again', async ({ on, code, expected }) => {
    const { store, log, faults, openPacks } = await open()
    const { path, chunks, locations } = await givenPack(store, 4)
    const before = await readFile(path)
    log.length = 0
    faults.push({ on, call: 'every', kind: 'fail', code })
    await expect(store.delete(locations[1]!)).rejects.toMatchObject({ code: expected })
    faults.length = 0
    expect(calls(log, on)).toHaveLength(1)
    expect(openPacks()).toEqual([])
    expect(await filesThere()).toHaveLength(1)
    expect((await readFile(path)).equals(before)).toBe(true)
    await store.delete(locations[1]!)
    expect(await soundOnes(store, chunks, locations)).toEqual([true, false, true, true])
  })

  it('do not disturb reads under way, whatever becomes of the pack', async () => {
    const { store, faults } = await open()
    const { chunks, locations } = await givenPack(store, 3)
    const deleting: Promise<void>[] = []
    let isFirst = true
    faults.push({
      on: 'read',
      call: 'every',
      kind: 'meanwhile',
      run: () => {
        if (isFirst) deleting.push(...locations.map((location) => store.delete(location)))
        isFirst = false
      },
    })
    expect(await isStored(store, locations[1]!, chunks[1]!)).toBe(true)
    await Promise.all(deleting)
    await expect(readAll(store, locations[1]!, chunks[1]!)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('take nothing back that another store has taken out meanwhile', async () => {
    const { store, faults } = await open()
    const { path, chunks, locations } = await givenPack(store, 6)
    const before = await readFile(path)
    const other = await reopened()
    await other.delete(locations[4]!)
    await rename(path, `${path}.other`)
    await writeFile(path, before)
    // As if the other one were just done when this one is about to put in place what it has made of
    // the pack as it was.
    let isDone = false
    const run = () => {
      if (!isDone) renameSync(`${path}.other`, path)
      isDone = true
    }
    faults.push({ on: 'fdatasync', call: 'every', kind: 'meanwhile', run })
    await store.delete(locations[1]!)
    expect(await soundOnes(store, chunks, locations)).toEqual([true, false, true, true, false, true])
    expect(await filesThere()).toHaveLength(1)
  })

  it('keep what the disk has lost of the others as lost', async () => {
    const { store, log, faults } = await open()
    const { chunks, locations } = await givenPack(store, 3)
    const read = calls(log, 'read').length
    // After the header: all that is left, and then one chunk after the other.
    for (const call of [read + 2, read + 3]) faults.push({ on: 'read', call, kind: 'fail', code: 'EIO' })
    await store.delete(locations[2]!)
    faults.length = 0
    expect(await soundOnes(store, chunks, locations)).toEqual([false, true, false])
    expect((await listed(store)).map(({ location }) => location)).toEqual(locations.slice(0, 2))
    expect((await readAll(store, locations[0]!, chunks[0]!)).equals(Buffer.alloc(1000))).toBe(true)
  })
})

describe('what an older version has left', () => {
  it('is read, listed and deleted where it is', async () => {
    const { store } = await open()
    const chunk = sampleChunk(1000)
    const old = `${chunk.digest.slice(0, 2)}/${chunk.digest}.0123456789abcdef` as Location
    await writeFile(join(directory, old), chunk.bytes)
    const location = await put(store, chunk)
    expect(await isStored(store, old, chunk)).toBe(true)
    expect((await listed(store)).map((stored) => stored.location)).toEqual([old, location].sort())
    await store.delete(old)
    expect(await listed(store)).toEqual([{ location, digest: chunk.digest, size: 1000 }])
  })
})

describe('what a crash has left', () => {
  it('of a pack that had no name yet is listed, and can be deleted', async () => {
    const { store } = await open()
    const { path, locations } = await givenPack(store, 3)
    const whole = await readFile(path)
    const left = `${packOf(locations[0]!).slice(0, -5)}.0123456789abcdef.tmp` as Location
    await writeFile(join(directory, left), whole.subarray(0, 1234))
    const found = (await listed(store)).filter(({ location }) => location === left)
    expect(found).toMatchObject([{ size: 1234 }])
    expect(found[0]).not.toHaveProperty('isDamaged')
    await store.delete(left)
    expect((await listed(store)).map(({ location }) => location)).toEqual(locations)
  })

  it('is not mistaken for what this store is writing', async () => {
    const { store, faults } = await open()
    const during: Promise<readonly unknown[]>[] = []
    faults.push({ on: 'fdatasync', call: 1, kind: 'meanwhile', run: () => during.push(listed(store)) })
    await put(store, sampleChunk(1000))
    const listings = await Promise.all(during)
    expect(listings).toHaveLength(1)
    expect(JSON.stringify(listings[0])).not.toContain('.tmp')
  })
})

/** Where the header begins that stands at the end. */
const copyOf = (bytes: Buffer) => bytes.lastIndexOf('ashlar pack')

describe('a damaged header', () => {
  it.each(['first', 'last'] as const)('is read from the other end: %s', async (which) => {
    const { store } = await open()
    const { path, chunks, locations } = await givenPack(store, 4)
    await flipBitOfFile(path, which === 'first' ? 80 : copyOf(await readFile(path)) + 80)
    expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
    await store.delete(locations[0]!)
    expect(await soundOnes(store, chunks, locations)).toEqual([false, true, true, true])
    const stored = storedFiles(directory)
    expect([...stored.keys()]).toEqual(locations.slice(1))
  })

  it('at both ends makes reads of its chunks reject corrupt, and hides nothing else', async () => {
    const { store } = await open()
    const [sound, damaged] = [await givenPack(store, 2), await givenPack(store, 3)]
    const bytes = await readFile(damaged.path)
    await flipBitOfFile(damaged.path, 80)
    await flipBitOfFile(damaged.path, copyOf(bytes) + 80)
    for (const [index, chunk] of damaged.chunks.entries()) {
      await expect(readAll(store, damaged.locations[index]!, chunk)).rejects.toMatchObject({
        code: 'corrupt',
      })
    }
    const found = await listed(store)
    expect(found.filter(({ isDamaged }) => !isDamaged).map(({ location }) => location)).toEqual(
      sound.locations,
    )
    expect(found.filter(({ isDamaged }) => isDamaged)).toMatchObject([
      { location: packOf(damaged.locations[0]!), size: bytes.length },
    ])
  })

  it('lets deletes of its chunks resolve, and stays so that it can be mended', async () => {
    const { store } = await open({ hasDurableDeletes: true })
    const { path, chunks, locations } = await givenPack(store, 3)
    const bytes = await readFile(path)
    await writeFile(path, Buffer.alloc(bytes.length))
    await Promise.all(locations.map((location) => store.delete(location)))
    expect(await filesThere()).toHaveLength(1)
    await writeFile(path, bytes)
    expect(new Set(await soundOnes(await reopened(), chunks, locations))).toEqual(new Set([true]))
  })

  it('at both ends is not read from a chunk that looks like one', async () => {
    const { store } = await open()
    const alike = writePackHeader([{ number: 0, digest: sampleChunk(10).digest, size: 10 }])
    const lookalike = { digest: digestOfChunk(digestOfBlock(alike)), bytes: alike }
    const [alone, ...locations] = await Promise.all(
      [sampleChunk(10, 1), sampleChunk(1000, 2), lookalike].map(({ digest, bytes }) =>
        store.put(digest, [bytes]),
      ),
    )
    await store.delete(alone!)
    const path = join(directory, packOf(locations[0]!))
    const bytes = await readFile(path)
    await flipBitOfFile(path, 3)
    await flipBitOfFile(path, copyOf(bytes) + 3)
    expect(await listed(store)).toMatchObject([{ location: packOf(locations[0]!), isDamaged: true }])
    await store.delete(locations[0]!)
    expect((await readFile(path)).length).toBe(bytes.length)
  })

  it('that cannot be read just now is no verdict, and is read again', async () => {
    const { store, faults } = await open()
    const { chunks, locations } = await givenPack(store, 2)
    faults.push({ on: 'read', call: 'every', kind: 'fail', code: 'EAGAIN' })
    await expect(readAll(store, locations[0]!, chunks[0]!)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(listed(store)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(store.delete(locations[0]!)).rejects.toMatchObject({ code: 'unavailable' })
    faults.length = 0
    expect(new Set(await soundOnes(store, chunks, locations))).toEqual(new Set([true]))
  })
})

it('damage to a chunk of a pack, or an end that is missing, is for the reader to find', async () => {
  const { store } = await open()
  const { path, chunks, locations } = await givenPack(store, 3)
  const last = storedAt(directory, locations[2]!)
  await truncate(path, last.offset + 500)
  expect(await soundOnes(store, chunks, locations)).toEqual([true, true, false])
  await expect(readAll(store, locations[2]!, chunks[2]!)).rejects.toMatchObject({ code: 'corrupt' })
  // What was not all there is copied as far as it goes, and the others are as they were.
  await store.delete(locations[0]!)
  expect(await soundOnes(store, chunks, locations)).toEqual([false, true, false])
})

async function reopened(): Promise<DiskChunkStore> {
  const store = await DiskChunkStore.open(directory)
  onTestFinished(() => store.close())
  return store
}
