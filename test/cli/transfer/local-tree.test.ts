import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ignoresCase, makeFoldersFor, pathBelow } from '../../../src/cli/transfer/local-tree.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

describe('a name from a server', () => {
  it('is a path below the folder', () => {
    expect(pathBelow('out', 'a/b c/d')).toBe(join('out', 'a', 'b c', 'd'))
  })

  it.each(['../a', 'a/../../b', '/etc/passwd', 'a//b', 'a/', '.', '', 'a\0b', 'a.ashlar-part'])(
    'is refused if it is %j',
    (name) => {
      expect(() => pathBelow('out', name)).toThrow(/name/)
    },
  )
})

describe('the folders for a path', () => {
  it('are made, and may be there', async () => {
    const root = await temporaryDirectory()
    await makeFoldersFor(root, join(root, 'a', 'b', 'c'))
    await makeFoldersFor(root, join(root, 'a', 'b', 'd'))
    expect(await readdir(root, { recursive: true })).toEqual(['a', join('a', 'b')])
  })

  it('are not made through a link, nor over a file', async () => {
    const root = await temporaryDirectory()
    const outside = await temporaryDirectory()
    await mkdir(join(root, 'a'))
    await symlink(outside, join(root, 'a', 'link'))
    await writeFile(join(root, 'file'), '')
    await expect(makeFoldersFor(root, join(root, 'a', 'link', 'b', 'c'))).rejects.toThrow('is a link here')
    await expect(makeFoldersFor(root, join(root, 'file', 'c'))).rejects.toThrow('is a file here')
    expect(await readdir(outside)).toEqual([])
  })
})

it.runIf(process.platform === 'linux')('a file system that tells case apart is seen as one', async () => {
  const folder = await temporaryDirectory()
  expect(await ignoresCase(folder)).toBe(false)
  expect(await readdir(folder)).toEqual([])
})
