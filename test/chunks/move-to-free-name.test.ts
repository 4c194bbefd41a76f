import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { createIdentityFile, readIdentityFile } from '../../src/chunks/disk/identity-file.ts'
import { moveToFreeName } from '../../src/chunks/move-to-free-name.ts'
import { exportFiles } from '../../src/files/copy/export-files.ts'
import { given, sample } from '../http/sample.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { startTestServer } from '../support/test-server.ts'
import { interposeFs, type FsFault } from './disk/interpose-fs.ts'
import { localCaller } from '../../src/model/principal.ts'

let directory: string
let from: string
let to: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  from = join(directory, 'draft')
  to = join(directory, 'final')
  await writeFile(from, 'new')
})

const withoutLinks = (code = 'EPERM'): FsFault => ({ on: 'link', call: 'every', kind: 'fail', code })

describe('a file is moved to a free name', () => {
  it.each([[undefined], ['EPERM'], ['ENOTSUP'], ['EOPNOTSUPP'], ['ENOSYS']])(
    'where a hard link fails with %s',
    async (code) => {
      if (code !== undefined) interposeFs(directory, [withoutLinks(code)])
      await moveToFreeName(from, to)
      expect(await readdir(directory)).toEqual(['final'])
      expect(await readFile(to, 'utf8')).toBe('new')
    },
  )

  it.each([[[]], [[withoutLinks()]]])('and replaces nothing, with the faults %j', async (plan) => {
    interposeFs(directory, plan)
    await writeFile(to, 'old')
    await expect(moveToFreeName(from, to)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(to, 'utf8')).toBe('old')
    expect(await readFile(from, 'utf8')).toBe('new')
  })

  it.each([[[]], [[withoutLinks()]]])('by one of two at the same time, with the faults %j', async (plan) => {
    interposeFs(directory, plan)
    const other = join(directory, 'other')
    await writeFile(other, 'new')
    const outcomes = await Promise.allSettled([moveToFreeName(from, to), moveToFreeName(other, to)])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await readFile(to, 'utf8')).toBe('new')
  })

  it('and leaves no empty file where the rename fails', async () => {
    interposeFs(directory, [withoutLinks(), { on: 'rename', call: 1, kind: 'fail', code: 'EIO' }])
    await expect(moveToFreeName(from, to)).rejects.toMatchObject({ code: 'EIO' })
    expect(await readdir(directory)).toEqual(['draft'])
  })

  it('and a failure that says nothing of links is one', async () => {
    interposeFs(directory, [withoutLinks('ENOSPC')])
    await expect(moveToFreeName(from, to)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(await readdir(directory)).toEqual(['draft'])
  })
})

describe('on a file system without hard links', () => {
  it('a store gets its identity, once', async () => {
    const store = await temporaryDirectory()
    interposeFs(store, [withoutLinks()])
    await createIdentityFile(store, 'first')
    await createIdentityFile(store, 'second')
    expect(await readIdentityFile(store)).toBe('first')
    expect(await readdir(store)).toEqual(['ashlar-store.json'])
  })

  it('an export writes every file, and leaves alone what is there', async () => {
    const server = await startTestServer()
    const contents = { 'a/b': sample(300), there: sample(10) }
    for (const [name, bytes] of Object.entries(contents)) await given(server, name, bytes)
    const target = await temporaryDirectory()
    await writeFile(join(target, 'there'), 'mine')
    interposeFs(target, [withoutLinks()])
    const outcomes: string[] = []
    await exportFiles(server.store, {
      space: localCaller.space,
      prefix: '',
      directory: target,
      onExported: ({ name }) => outcomes.push(`${name} written`),
      onFailed: ({ name }, error) => outcomes.push(`${name} ${(error as NodeJS.ErrnoException).code}`),
    })
    expect(outcomes).toEqual(['a/b written', 'there EEXIST'])
    expect((await readFile(join(target, 'a', 'b'))).equals(contents['a/b'])).toBe(true)
    expect(await readFile(join(target, 'there'), 'utf8')).toBe('mine')
    expect((await readdir(target, { recursive: true })).toSorted()).toEqual(['a', 'a/b', 'there'])
  })
})
