import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { localFiles } from '../../../src/cli/transfer/local-files.ts'
import { messageOf } from '../../../src/cli/terminal/message-of.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let root: string

beforeEach(async () => {
  root = await temporaryDirectory()
  await mkdir(join(root, 'tree', 'sub', 'empty'), { recursive: true })
  await mkdir(join(root, 'other'))
  for (const path of ['tree/a.txt', 'tree/b.jpg', 'tree/sub/c.txt', 'other/a.txt', '[x].txt']) {
    await writeFile(join(root, path), path)
  }
  await symlink('..', join(root, 'tree', 'sub', 'up'))
  await symlink('c.txt', join(root, 'tree', 'sub', 'link.txt'))
  await symlink('nowhere', join(root, 'dangling'))
  await symlink('tree', join(root, 'linked-tree'))
})

interface Found {
  readonly names: Readonly<Record<string, string>>
  readonly failed: Readonly<Record<string, string>>
  readonly skipped: readonly string[]
}

async function find(
  paths: readonly string[],
  options: { name?: string; to?: string; r?: true },
): Promise<Found> {
  const [names, failed]: Record<string, string>[] = [{}, {}]
  const skipped: string[] = []
  const files = localFiles(
    paths.map((path) => `${root}/${path}`),
    { isRecursive: options.r === true, to: options.to ?? '', ...options },
    {
      failed: (path, error) => void (failed![relative(root, path)] = messageOf(error)),
      skipped: (path) => void skipped.push(relative(root, path)),
    },
  )
  for await (const { path, name } of files) names![name] = relative(root, path)
  return { names: names!, failed: failed!, skipped }
}

const inTree = (prefix: string) => ({
  [`${prefix}a.txt`]: 'tree/a.txt',
  [`${prefix}b.jpg`]: 'tree/b.jpg',
  [`${prefix}sub/c.txt`]: 'tree/sub/c.txt',
  [`${prefix}sub/link.txt`]: 'tree/sub/link.txt',
})

it.each([
  { paths: ['tree/a.txt'], options: {}, names: { 'a.txt': 'tree/a.txt' } },
  { paths: ['tree/a.txt'], options: { to: '/x//y/' }, names: { 'x/y/a.txt': 'tree/a.txt' } },
  { paths: ['tree/a.txt'], options: { name: 'n/m' }, names: { 'n/m': 'tree/a.txt' } },
  { paths: ['tree/a.txt'], options: { name: 'n', to: 'x' }, names: { 'x/n': 'tree/a.txt' } },
  { paths: ['tree/sub/link.txt'], options: {}, names: { 'link.txt': 'tree/sub/link.txt' } },
  { paths: ['[x].txt'], options: {}, names: { '[x].txt': '[x].txt' } },
  { paths: ['tree/*'], options: {}, names: { 'a.txt': 'tree/a.txt', 'b.jpg': 'tree/b.jpg' } },
  {
    paths: ['tree/**/*.txt'],
    options: {},
    names: { 'a.txt': 'tree/a.txt', 'c.txt': 'tree/sub/c.txt', 'link.txt': 'tree/sub/link.txt' },
  },
])('$paths with $options', async ({ paths, options, names }) => {
  expect(await find(paths, options)).toEqual({ names, failed: {}, skipped: [] })
})

it.each([
  { path: 'tree', options: {}, prefix: 'tree/' },
  { path: 'tree/', options: {}, prefix: 'tree/' },
  { path: 'tree/.', options: {}, prefix: '' },
  { path: 'tree/sub/..', options: { to: 'x' }, prefix: 'x/' },
  { path: 'tree', options: { name: 'n' }, prefix: 'n/' },
  { path: 'tree', options: { to: 'x/' }, prefix: 'x/tree/' },
  { path: 't[r]ee', options: {}, prefix: 'tree/' },
])('a folder, as $path with $options', async ({ path, options, prefix }) => {
  const found = await find([path], { r: true, ...options })
  const names = Object.fromEntries(
    Object.entries(found.names).map(([name, from]) => [name, relative('', join(from))]),
  )
  expect({ ...found, names }).toEqual({ names: inTree(prefix), failed: {}, skipped: ['tree/sub/up'] })
})

it('a link to a folder that is given is followed', async () => {
  const { names } = await find(['linked-tree'], { r: true })
  expect(Object.keys(names).sort()).toEqual(Object.keys(inTree('linked-tree/')).sort())
})

it.each([
  ['tree', 'is a folder: add -r to put all that is in it'],
  ['missing', 'there is no such file or folder here'],
  ['dangling', 'there is no such file or folder here'],
  ['*.nothing', 'there is no such file or folder here'],
])('%s fails, and others go on', async (path, why) => {
  expect(await find([path, 'tree/b.jpg'], {})).toEqual({
    names: { 'b.jpg': 'tree/b.jpg' },
    failed: { [path]: why },
    skipped: [],
  })
})

it('two that would have one name are not put over each other', async () => {
  const { names, failed } = await find(['tree/a.txt', 'other/a.txt'], {})
  expect(names).toEqual({ 'a.txt': 'tree/a.txt' })
  expect(failed['other/a.txt']).toContain('another path is put as a.txt already')
})
