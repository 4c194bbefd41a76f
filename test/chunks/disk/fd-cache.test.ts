import fs from 'node:fs'
import { readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { FdCache } from '../../../src/chunks/disk/fd-cache.ts'
import { eventually } from '../../robustness/eventually.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

async function someFiles(count: number): Promise<readonly string[]> {
  const directory = await temporaryDirectory()
  const paths = Array.from({ length: count }, (_, index) => join(directory, `file-${index}`))
  await Promise.all(paths.map((path) => writeFile(path, path)))
  return paths
}

function openFiles(limit: number): FdCache {
  const files = new FdCache(limit)
  onTestFinished(() => files.close())
  return files
}

/**
 * Of these paths, those that this process has open, once for every descriptor. Linux keeps the
 * list.
 */
async function descriptorsOf(paths: readonly string[]): Promise<readonly string[]> {
  const links = await Promise.all(
    // A descriptor may be closed between the listing and the look.
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  const open = links.map((link) => link.replace(/ \(deleted\)$/, ''))
  return paths.flatMap((path) => open.filter((link) => link === path))
}

function expectOpen(paths: readonly string[], open: readonly string[]): Promise<void> {
  return eventually(async () => expect(await descriptorsOf(paths)).toEqual(open))
}

async function readWhole(fd: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const into = Buffer.alloc(4096)
  fs.read(fd, into, 0, into.length, 0, (error, count) => {
    if (error) reject(error)
    else resolve(into.toString('utf8', 0, count))
  })
  return promise
}

describe.runIf(process.platform === 'linux')('open files', () => {
  it('stay open up to the limit, the most recently used', async () => {
    const paths = await someFiles(5)
    const files = openFiles(3)
    for (const path of paths) expect(await files.withFile(path, readWhole)).toBe(path)
    await expectOpen(paths, paths.slice(2))
    await files.withFile(paths[2]!, readWhole)
    await files.withFile(paths[0]!, readWhole)
    await expectOpen(paths, [paths[0]!, paths[2]!, paths[4]!])
    await files.close()
    expect(await descriptorsOf(paths)).toEqual([])
  })

  it('are opened once for concurrent reads', async () => {
    const [path = ''] = await someFiles(1)
    const opened = vi.spyOn(fs, 'open')
    onTestFinished(() => opened.mockRestore())
    const files = openFiles(1)
    const read = await Promise.all(Array.from({ length: 20 }, () => files.withFile(path, readWhole)))
    expect(new Set(read)).toEqual(new Set([path]))
    expect(opened.mock.calls.filter(([of]) => of === path)).toHaveLength(1)
  })

  it('are shared with the reads under way even past the limit', async () => {
    const [path = '', ...others] = await someFiles(4)
    const opened = vi.spyOn(fs, 'open')
    onTestFinished(() => opened.mockRestore())
    const files = openFiles(1)
    await files.withFile(path, async (fd) => {
      for (const other of others) await files.withFile(other, readWhole)
      expect(await files.withFile(path, async (shared) => shared)).toBe(fd)
    })
    expect(opened.mock.calls.filter(([of]) => of === path)).toHaveLength(1)
  })

  it.each([0, 1])('are not closed while they are used, with a limit of %d', async (limit) => {
    const paths = await someFiles(20)
    const files = openFiles(limit)
    const all = Promise.withResolvers<void>()
    let inside = 0
    const reads = paths.map((path) =>
      files.withFile(path, async (fd) => {
        inside += 1
        if (inside === paths.length) all.resolve()
        await all.promise
        expect(await descriptorsOf([path])).toEqual([path])
        return readWhole(fd)
      }),
    )
    expect(await Promise.all(reads)).toEqual(paths)
    await eventually(async () => expect(await descriptorsOf(paths)).toHaveLength(limit))
  })

  it('outlive being dropped until the last read has ended', async () => {
    const [path = ''] = await someFiles(1)
    const files = openFiles(4)
    const read = await files.withFile(path, async (fd) => {
      await rm(path)
      files.drop(path)
      expect(await descriptorsOf([path])).toEqual([path])
      return readWhole(fd)
    })
    expect(read).toBe(path)
    await expectOpen([path], [])
    await expect(files.withFile(path, readWhole)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('are closed when a read fails and they were dropped', async () => {
    const [path = ''] = await someFiles(1)
    const files = openFiles(4)
    const failure = new Error('failed')
    const read = files.withFile(path, async () => {
      files.drop(path)
      throw failure
    })
    await expect(read).rejects.toBe(failure)
    await expectOpen([path], [])
  })

  it('are opened again after an open failed', async () => {
    const path = join(await temporaryDirectory(), 'late')
    const files = openFiles(4)
    const early = await Promise.allSettled([files.withFile(path, readWhole), files.withFile(path, readWhole)])
    expect(early).toMatchObject([{ reason: { code: 'ENOENT' } }, { reason: { code: 'ENOENT' } }])
    await writeFile(path, 'there now')
    expect(await files.withFile(path, readWhole)).toBe('there now')
  })
})
