import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exportFiles } from '../../../src/files/copy/export-files.ts'
import { defaultSpace } from '../../../src/model/file.ts'
import { writableName } from '../../../src/model/writable-name.ts'
import { flipBitOfStored } from '../../chunks/stored-files.ts'
import { given, KiB, put, sample } from '../../http/sample.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { localCaller } from '../../../src/model/principal.ts'

async function exported({ store }: TestServer, directory: string, prefix = '') {
  const names: string[] = []
  const failed: Record<string, string> = {}
  const unchanged: string[] = []
  await exportFiles(store, {
    space: localCaller.space,
    prefix,
    directory,
    onExported({ name }, isUnchanged) {
      names.push(name)
      if (isUnchanged) unchanged.push(name)
    },
    onFailed: ({ name }, error) => {
      failed[name] = String((error as { code?: unknown }).code)
    },
  })
  return { names, failed, ...(unchanged.length > 0 && { unchanged }) }
}

describe('exporting', () => {
  it('writes the same bytes under the same names, with their times', async () => {
    const server = await startTestServer({ chunkSize: 64 * KiB })
    const contents = { 'a/b/large': sample(300 * KiB), 'a/empty': Buffer.alloc(0), small: sample(10) }
    for (const [name, bytes] of Object.entries(contents)) await given(server, name, bytes)
    const directory = await temporaryDirectory()
    expect(await exported(server, directory)).toEqual({ names: Object.keys(contents), failed: {} })
    for (const [name, bytes] of Object.entries(contents)) {
      expect(bytes.equals(await readFile(join(directory, name)))).toBe(true)
    }
    const { files } = await server.store.catalog.listFiles({ space: defaultSpace, prefix: 'small', limit: 1 })
    const { modifiedAt } = files[0]!
    expect((await stat(join(directory, 'small'))).mtimeMs).toBe(modifiedAt)
    expect((await readdir(directory, { recursive: true })).toSorted()).toEqual([
      'a',
      'a/b',
      'a/b/large',
      'a/empty',
      'small',
    ])
  })

  it('takes only what begins with the prefix, over several pages', async () => {
    const server = await startTestServer()
    const names = Array.from({ length: 257 }, (_, n) => `many/${String(n).padStart(3, '0')}`)
    await Promise.all([...names, 'other'].map((name) => given(server, name, name)))
    const directory = await temporaryDirectory()
    expect(await exported(server, directory, 'many/')).toEqual({ names, failed: {} })
  })

  it('writes a file whose name no directory can hold under a short name', async () => {
    const server = await startTestServer()
    const name = `long/${'n'.repeat(300)}.txt`
    await given(server, name, 'content')
    const directory = await temporaryDirectory()
    expect(await exported(server, directory)).toEqual({ names: [name], failed: {} })
    expect((await readFile(join(directory, writableName(name)))).toString()).toBe('content')
  })

  it('leaves what is there as it is, and goes on', async () => {
    const server = await startTestServer()
    for (const name of ['folder', 'there', 'z']) await given(server, name, name)
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'there'), 'mine')
    await mkdir(join(directory, 'folder'))
    expect(await exported(server, directory)).toEqual({
      names: ['z'],
      failed: { folder: 'EEXIST', there: 'EEXIST' },
    })
    expect(await readFile(join(directory, 'there'), 'utf8')).toBe('mine')
    expect(await readdir(directory)).toHaveLength(3)
  })

  it('goes on where it was interrupted, and removes what is of no use any more', async () => {
    const chunkSize = 64 * KiB
    const reads = new Set<string>()
    const server = await startTestServer({
      chunkSize,
      wrapChunks: (store) => ({
        put: (...args) => store.put(...args),
        delete: (...args) => store.delete(...args),
        list: (...args) => store.list(...args),
        close: () => store.close(),
        read: (...args) => {
          reads.add(args[0])
          return store.read(...args)
        },
      }),
    })
    const bytes = sample(5 * chunkSize)
    const { id } = await given(server, 'a/large', bytes)
    await given(server, 'a/there', 'there')
    const directory = await temporaryDirectory()
    await exported(server, directory, 'a/there')
    const part = Buffer.concat([bytes.subarray(0, 2 * chunkSize), Buffer.alloc(3 * chunkSize + 7)])
    await writeFile(join(directory, 'a', `.${id}.ashlar-part`), part)
    await writeFile(join(directory, 'a', '.0199a3c1-5a6b-7c3d-9e2f-0123456789ab.ashlar-part'), 'old')
    await writeFile(join(directory, 'a', '.own.ashlar-part'), 'of somebody else')
    reads.clear()
    expect(await exported(server, directory)).toEqual({
      names: ['a/large', 'a/there'],
      failed: {},
      unchanged: ['a/there'],
    })
    expect((await readFile(join(directory, 'a/large'))).equals(bytes)).toBe(true)
    expect(reads.size).toBe(3)
    expect((await readdir(join(directory, 'a'))).toSorted()).toEqual(['.own.ashlar-part', 'large', 'there'])
  })

  it('gives files the times and permissions that put has kept, also where only these are missing', async () => {
    const server = await startTestServer()
    const mtime = '2020-02-02T02:02:02.222Z'
    const headers = { 'Upload-Metadata': `mtime ${btoa(mtime)},mode ${btoa('640')}` }
    expect((await put(server, 'kept', 'bytes', headers)).status).toBe(201)
    const directory = await temporaryDirectory()
    await exported(server, directory)
    const stats = await stat(join(directory, 'kept'))
    expect(Math.round(stats.mtimeMs)).toBe(Date.parse(mtime))
    expect(stats.mode & 0o777).toBe(0o640)
    await utimes(join(directory, 'kept'), 1, 1)
    expect(await exported(server, directory)).toEqual({ names: ['kept'], failed: {}, unchanged: ['kept'] })
    expect(Math.round((await stat(join(directory, 'kept'))).mtimeMs)).toBe(Date.parse(mtime))
  })

  it('writes nothing of a damaged file', async () => {
    const server = await startTestServer({ chunkSize: 64 * KiB })
    const { id } = await given(server, 'damaged', sample(200 * KiB))
    await given(server, 'sound')
    const [, chunk] = await server.store.catalog.listChunks(id, 0, 2)
    await flipBitOfStored(server.chunkDirectory, chunk!.location, 77)
    const directory = await temporaryDirectory()
    expect(await exported(server, directory)).toEqual({ names: ['sound'], failed: { damaged: 'corrupt' } })
    expect(await readdir(directory)).toEqual(['sound'])
  })
})
