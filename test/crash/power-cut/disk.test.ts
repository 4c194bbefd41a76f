import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { Disk } from './disk.ts'
import type { Survives } from './pending.ts'
import type { JournalRecord } from './read-journal.ts'

const nothing: Survives = { change: () => false, isWhole: () => false }
const everything: Survives = { change: () => true, isWhole: () => true }
/** Every other change and sector, the first of them included. */
const someOfIt = (): Survives => {
  let count = 0
  return { change: () => count++ % 2 === 0, isWhole: () => false }
}

const rootInode = 1n

function record(kind: JournalRecord['kind'], fields: Partial<JournalRecord> = {}): JournalRecord {
  return { kind, object: 0n, number: 0, path: '', bytes: Buffer.alloc(0), end: 0, ...fields }
}

const mkdir = (object: bigint, path: string) => record('mkdir', { object, path })
const create = (object: bigint, path: string) => record('create', { object, path })
const write = (object: bigint, text: string, number = 0) =>
  record('write', { object, number, bytes: Buffer.from(text) })
const truncate = (object: bigint, number: number) => record('truncate', { object, number })
const unlink = (path: string) => record('unlink', { path })
const rename = (path: string, to: string) => record('rename', { path, bytes: Buffer.from(to) })
const begin = (object: bigint, number = 1) => record('sync-begin', { object, number })
const end = (object: bigint, number = 1) => record('sync-end', { object, number })
const sync = (object: bigint) => [begin(object), end(object)]

/** What is left, by path; directories as null. */
async function remains(
  records: readonly JournalRecord[],
  survives: Survives,
): Promise<Record<string, string | null>> {
  const disk = new Disk('/disk', rootInode)
  for (const each of records) disk.apply(each)
  const directory = join(await temporaryDirectory(), 'remains')
  await disk.writeRemains(directory, survives)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const found = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    const text = entry.isFile() ? await readFile(path, 'utf8') : null
    return [path.slice(directory.length + 1), text] as const
  })
  return Object.fromEntries(await Promise.all(found))
}

const made = [create(2n, '/disk/a'), write(2n, 'text')]

describe('of what was not synced nothing survives', () => {
  it.each([
    ['a file', [...made, ...sync(2n), ...sync(rootInode)], { a: 'text' }],
    ['its bytes', [...made, ...sync(rootInode)], { a: '' }],
    ['its name, however well it was synced', [...made, ...sync(2n)], {}],
    ['a directory', [mkdir(3n, '/disk/d'), create(2n, '/disk/d/a'), ...sync(2n), ...sync(3n)], {}],
    [
      'a name in a directory',
      [mkdir(3n, '/disk/d'), create(2n, '/disk/d/a'), ...sync(2n), ...sync(rootInode)],
      { d: null },
    ],
    ['a deletion', [...made, ...sync(2n), ...sync(rootInode), unlink('/disk/a')], { a: 'text' }],
    ['a rename', [...made, ...sync(2n), ...sync(rootInode), rename('/disk/a', '/disk/b')], { a: 'text' }],
    ['a truncation', [...made, ...sync(2n), ...sync(rootInode), truncate(2n, 1)], { a: 'text' }],
    [
      'what was written after the sync began',
      [...made, ...sync(rootInode), begin(2n), write(2n, 'TEXT'), end(2n)],
      { a: 'text' },
    ],
    ['what a sync that never ended was for', [...made, ...sync(rootInode), begin(2n)], { a: '' }],
    [
      'the new file of an inode that is used again',
      [...made, ...sync(2n), ...sync(rootInode), unlink('/disk/a'), create(2n, '/disk/b'), ...sync(2n)],
      { a: 'text' },
    ],
  ])('%s', async (_, records, left) => {
    expect(await remains(records, nothing)).toEqual(left)
  })
})

describe('everything survives', () => {
  it.each([
    ['that was made', made, { a: 'text' }],
    ['behind a gap', [create(2n, '/disk/a'), write(2n, 'x', 2)], { a: '\0\0x' }],
    ['of a file that was cut', [...made, truncate(2n, 1), write(2n, 'x', 2)], { a: 't\0x' }],
    ['under its new name', [...made, rename('/disk/a', '/disk/b')], { b: 'text' }],
    ['but what was deleted', [...made, unlink('/disk/a')], {}],
  ])('%s', async (_, records, left) => {
    expect(await remains(records, everything)).toEqual(left)
  })
})

it('a write that was not synced may survive in some of its sectors', async () => {
  const records = [create(2n, '/disk/a'), ...sync(rootInode), write(2n, 'a'.repeat(1500), 36)]
  // The first throw is the write's: its first sector, which is not whole, is lost with the second
  // throw.
  expect(await remains(records, someOfIt())).toEqual({
    a: `${'\0'.repeat(512)}${'a'.repeat(512)}`,
  })
})

it('a move between directories happens to both or to none', async () => {
  const before = [mkdir(3n, '/disk/d'), ...made, ...sync(2n), ...sync(rootInode)]
  const records = [...before, rename('/disk/a', '/disk/d/a'), ...sync(3n)]
  expect(await remains(records, nothing)).toEqual({ d: null, 'd/a': 'text' })
})
