import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exportFiles } from '../../src/files/export-files.ts'
import { soleOwner } from '../../src/model/file.ts'
import { writableName } from '../../src/model/writable-name.ts'
import { flipBitOfStored } from '../chunks/stored-files.ts'
import { given, KiB, sample } from '../http/sample.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

async function exported({ store }: TestServer, directory: string, prefix = '') {
  const names: string[] = []
  const failed: Record<string, string> = {}
  await exportFiles(store, {
    prefix,
    directory,
    onExported: ({ name }) => names.push(name),
    onFailed: ({ name }, error) => {
      failed[name] = String((error as { code?: unknown }).code)
    },
  })
  return { names, failed }
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
    const { files } = await server.store.catalog.listFiles({ owner: soleOwner, prefix: 'small', limit: 1 })
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
    const names = Array.from({ length: 300 }, (_, n) => `many/${String(n).padStart(3, '0')}`)
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
