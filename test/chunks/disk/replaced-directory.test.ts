import { execFileSync } from 'node:child_process'
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import type { Location } from '../../../src/model/chunk.ts'
import { outcomeOf } from '../../catalog/fixtures.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { sampleChunk } from '../sample-chunk.ts'
import { listed, readAll } from '../store-calls.ts'

const samples = [
  { kind: 'a packed chunk', chunk: sampleChunk(1000) },
  { kind: 'a chunk of its own', chunk: sampleChunk(64 * 1024 + 1) },
]

let directory: string
let moved: string
let store: DiskChunkStore
beforeEach(async () => {
  const parent = await temporaryDirectory()
  directory = join(parent, 'chunks')
  moved = join(parent, 'moved')
  store = await DiskChunkStore.open(directory)
  onTestFinished(() => store.close())
})

describe('a store whose directory is moved away', () => {
  it.each(samples)('with another in its place acknowledges no put of $kind', async ({ chunk }) => {
    await cp(directory, moved, { recursive: true })
    await rename(directory, `${moved}-first`)
    await rename(moved, directory)
    expect(await outcomeOf(store.put(chunk.digest, [chunk.bytes]))).toBe('unavailable')
    await rename(directory, moved)
    await rename(`${moved}-first`, directory)
    expect(await outcomeOf(store.put(chunk.digest, [chunk.bytes]))).toBe('done')
  })

  it.each(samples)('does not take $kind for missing or deleted', async ({ chunk }) => {
    const location = await store.put(chunk.digest, [chunk.bytes])
    await cp(directory, moved, { recursive: true })
    await rename(directory, `${moved}-first`)
    await rename(moved, directory)
    await rm(join(directory, location.replace(/\/\d{3}$/, '')))
    expect(await outcomeOf(readAll(store, location, chunk))).toBe('unavailable')
    expect(await outcomeOf(store.delete(location))).toBe('unavailable')
    expect(await outcomeOf(listed(store))).toBe('unavailable')
  })

  it.each(samples)('with nothing in its place rejects every call on $kind', async ({ chunk }) => {
    const location = await store.put(chunk.digest, [chunk.bytes])
    await rename(directory, moved)
    expect(await outcomeOf(store.put(chunk.digest, [chunk.bytes]))).toBe('unavailable')
    expect(await outcomeOf(readAll(store, location, chunk))).toBe('unavailable')
    expect(await outcomeOf(listed(store))).toBe('unavailable')
  })
})

describe.each([
  { what: 'a FIFO', make: (path: string) => execFileSync('mkfifo', [path]) },
  { what: 'a directory', make: (path: string) => mkdir(path) },
  { what: 'a device', make: (path: string) => execFileSync('ln', ['-s', '/dev/null', path]) },
])('$what in the place of', ({ make }) => {
  it.each(samples)('$kind is damage, and never makes a call wait', async ({ chunk }) => {
    const location = await store.put(chunk.digest, [chunk.bytes])
    const path = join(directory, location.replace(/\/\d{3}$/, ''))
    await rm(path)
    await make(path)
    expect(await outcomeOf(readAll(store, location, chunk))).toBe('corrupt')
    expect(await listed(store)).toEqual([])
    // A directory is for somebody else to remove.
    expect(['done', 'unavailable']).toContain(await outcomeOf(store.delete(location)))
  })
})

describe('a store that is only read', () => {
  it('creates nothing, not even in an empty directory', async () => {
    const empty = await temporaryDirectory()
    const reader = await DiskChunkStore.open(empty, { isReadOnly: true })
    expect(await listed(reader)).toEqual([])
    expect(
      await outcomeOf(readAll(reader, `ab/${'0'.repeat(32)}.pack/000` as Location, sampleChunk(1))),
    ).toBe('not_found')
    await reader.close()
    expect(await readdir(empty)).toEqual([])
    const missing = DiskChunkStore.open(join(empty, 'missing'), { isReadOnly: true })
    expect(await outcomeOf(missing)).toBe('unavailable')
    expect(await readdir(empty)).toEqual([])
  })
})

it.each(samples)('the file of $kind is its owner’s alone, whatever the umask', async ({ chunk }) => {
  const before = process.umask(0)
  onTestFinished(() => void process.umask(before))
  const location = await store.put(chunk.digest, [chunk.bytes])
  const { mode } = await stat(join(directory, location.replace(/\/\d{3}$/, '')))
  expect((mode & 0o777).toString(8)).toBe('600')
})
