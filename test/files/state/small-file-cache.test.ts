import { randomUUIDv7 } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SmallFileCache, mostHotBytes } from '../../../src/files/state/small-file-cache.ts'
import { digestOfChunk } from '../../../src/model/hashers.ts'
import { defaultSpace, type FileId, type FileName, type StoredFile } from '../../../src/model/file.ts'

const kib = 1024

function fileOf(name: string, size: number): StoredFile {
  return {
    id: randomUUIDv7() as FileId,
    space: defaultSpace,
    name: name as FileName,
    size,
    mediaType: 'text/plain',
    digest: digestOfChunk(new Uint8Array()),
    createdAt: 0,
    modifiedAt: 0,
    metadata: {},
  }
}

/** Keeps a file with nobody using it. */
function kept(hot: SmallFileCache, file: StoredFile): StoredFile {
  const room = hot.makeRoom(file)!
  room.bytes.fill(file.name)
  room.keep(hot.changes)
  room.release()
  return file
}

function isThere(hot: SmallFileCache, { name }: StoredFile): boolean {
  const found = hot.find(defaultSpace, { name })
  found?.release()
  return found !== undefined
}

describe('small files in memory', () => {
  it('are found by name and by id, with their bytes', () => {
    const hot = new SmallFileCache(64 * kib, false)
    const file = kept(hot, fileOf('a', 3))
    for (const ref of [{ name: file.name }, { id: file.id }]) {
      const found = hot.find(defaultSpace, ref)!
      expect({ file: found.file, text: found.bytes.toString() }).toEqual({ file, text: 'aaa' })
      found.release()
    }
    expect(hot.find(defaultSpace, { name: 'b' as FileName })).toBeUndefined()
  })

  it.each([
    [mostHotBytes, true],
    [mostHotBytes + 1, false],
  ])('of %d bytes are taken: %s', (size, isTaken) => {
    const room = new SmallFileCache(kib * kib, false).makeRoom(fileOf('a', size))
    expect(room !== undefined).toBe(isTaken)
  })

  it('take nothing where they may have nothing', () => {
    expect(new SmallFileCache(0, false).makeRoom(fileOf('a', 0))).toBeUndefined()
  })

  it('take as much as is known of them, whatever their bytes', () => {
    const hot = new SmallFileCache(1024 * kib, false)
    const metadata = Object.fromEntries(Array.from({ length: 1700 }, (_, key) => [key.toString(36), '']))
    // Short keys take about 60 bytes each.
    for (let nth = 0; nth < 100; nth++) kept(hot, { ...fileOf(String(nth), 0), metadata })
    const there = Array.from({ length: 100 }, (_, nth) => fileOf(String(nth), 0)).filter((file) =>
      isThere(hot, file),
    )
    expect(there.length).toBeGreaterThan(0)
    expect(there.length * 1700 * 60).toBeLessThan(1024 * kib)
    const long = 'n'.repeat(1024)
    expect(new SmallFileCache(4 * kib, false).makeRoom(fileOf(long, 0))).toBeUndefined()
    expect(new SmallFileCache(4 * kib, false).makeRoom(fileOf('short', 0))).toBeDefined()
  })

  it('give way to others, the least recently used first', () => {
    const hot = new SmallFileCache(3 * 3 * kib, false)
    const [first, second, third] = ['1', '2', '3'].map((name) => kept(hot, fileOf(name, kib)))
    expect(isThere(hot, first!)).toBe(true)
    const fourth = kept(hot, fileOf('4', kib))
    expect([first!, second!, third!, fourth].map((file) => isThere(hot, file))).toEqual([
      true,
      false,
      true,
      true,
    ])
    expect(hot.bytes).toBe(3 * 3 * kib)
  })

  it('that are being sent give way to nobody, and count until they are sent, forgotten or not', async () => {
    const hot = new SmallFileCache(3 * kib, false)
    const file = kept(hot, fileOf('a', kib))
    const sending = hot.find(defaultSpace, file)!
    expect(hot.makeRoom(fileOf('b', 1))).toBeUndefined()
    await hot.watch(catalogThat(() => Promise.resolve())).deleteFile(defaultSpace, file)
    expect(isThere(hot, file)).toBe(false)
    expect(hot.makeRoom(fileOf('b', 1))).toBeUndefined()
    sending.release()
    expect(hot.bytes).toBe(0)
    expect(hot.makeRoom(fileOf('b', 1))).toBeDefined()
  })

  it('are not found that were looked up before a change', async () => {
    const hot = new SmallFileCache(64 * kib, false)
    const { changes } = hot
    const file = fileOf('a', kib)
    const room = hot.makeRoom(file)!
    await hot.watch(catalogThat(() => Promise.resolve())).deleteFile(defaultSpace, { name: 'b' as FileName })
    room.keep(changes)
    expect(isThere(hot, file)).toBe(false)
    room.release()
    expect(hot.bytes).toBe(0)
  })

  it('are forgotten also where nobody knows what has come of the change', async () => {
    const hot = new SmallFileCache(64 * kib, false)
    const [file, other] = ['a', 'b'].map((name) => kept(hot, fileOf(name, kib)))
    const failing = hot.watch(catalogThat(() => Promise.reject(new Error('lost'))))
    await expect(failing.deleteFile(defaultSpace, { id: file!.id })).rejects.toThrow('lost')
    expect([isThere(hot, file!), isThere(hot, other!)]).toEqual([false, true])
    // Uploads have names that only the catalog knows.
    await expect(failing.finishUploads([])).rejects.toThrow('lost')
    expect(isThere(hot, other!)).toBe(false)
    expect(hot.bytes).toBe(0)
  })

  it('of a catalog that others change are found by what it says alone', () => {
    const hot = new SmallFileCache(64 * kib, true)
    const file = kept(hot, fileOf('a', 3))
    expect(hot.find(defaultSpace, file)).toBeUndefined()
    const renamed = { ...file, name: 'b' as FileName }
    const found = hot.findBytes(renamed)!
    expect({ file: found.file, text: found.bytes.toString() }).toEqual({ file: renamed, text: 'aaa' })
    found.release()
    expect(hot.findBytes(fileOf('a', 3))).toBeUndefined()
  })
})

/** All that changes files does this. */
function catalogThat(change: () => Promise<unknown>): Parameters<SmallFileCache['watch']>[0] {
  return { deleteFile: change, finishUploads: change } as unknown as Parameters<SmallFileCache['watch']>[0]
}
