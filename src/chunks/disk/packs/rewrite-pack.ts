import fs from 'node:fs'
import { callFs, isMediumError, readFully } from '../fs-calls.ts'
import { createFile } from '../create-file.ts'
import { writePackHeader, type LocatedEntry } from './pack-header.ts'
import { readPackHeader } from './read-pack-header.ts'

/** Gives `write` a path to write to, and settles as it does. */
export type Create = (write: (temporary: string) => Promise<void>) => Promise<void>

/**
 * Removes chunks from a pack. The others go to a new file, which replaces the pack once its bytes
 * are durable: a power cut leaves one or the other. An empty pack is removed. A pack with a damaged
 * header is left alone: nobody can tell what it holds, and it may still be mended. Rejects with
 * the system's error, `ENOENT` if the pack is gone.
 */
export async function rewritePack(path: string, numbers: ReadonlySet<number>, create: Create): Promise<void> {
  while (!(await rewriteOnce(path, numbers, create)));
}

/**
 * Resolves with false if another store has replaced the pack meanwhile, which would bring back the
 * chunks that it removed.
 */
async function rewriteOnce(path: string, numbers: ReadonlySet<number>, create: Create): Promise<boolean> {
  const { O_RDONLY, O_NONBLOCK } = fs.constants
  const fd = await callFs<number>((done) => fs.open(path, O_RDONLY | O_NONBLOCK, done))
  try {
    const header = await readPackHeader(fd)
    const left = [...(header?.values() ?? [])].filter(({ number }) => !numbers.has(number))
    if (!header || left.length === header.size) return true
    if (left.length > 0) return await replace(fd, path, left, create)
    await callFs((done) => fs.unlink(path, done))
    return true
  } finally {
    await callFs((done) => fs.close(fd, done))
  }
}

async function replace(
  fd: number,
  path: string,
  left: readonly LocatedEntry[],
  create: Create,
): Promise<boolean> {
  const header = writePackHeader(left)
  const pieces = [header, ...(await readEntries(fd, left)), header]
  const changed = new Error('the pack is another one by now')
  const takePlace = async (temporary: string) => {
    if (!(await isAt(fd, path))) throw changed
    await callFs((done) => fs.rename(temporary, path, done))
  }
  try {
    await create((temporary) => createFile(temporary, pieces, () => takePlace(temporary), undefined))
    return true
  } catch (error) {
    if (error === changed) return false
    throw error
  }
}

/** Bytes that the disk has lost become zeros, which are just as damaged. */
async function readEntries(fd: number, entries: readonly LocatedEntry[]): Promise<readonly Buffer[]> {
  const start = entries[0]!.offset
  const last = entries.at(-1)!
  const span = Buffer.alloc(last.offset + last.size - start)
  const bytesOf = ({ offset, size }: LocatedEntry) => span.subarray(offset - start, offset - start + size)
  if (await isRead(fd, start, span)) return entries.map(bytesOf)
  for (const entry of entries) await isRead(fd, entry.offset, bytesOf(entry))
  return entries.map(bytesOf)
}

async function isRead(fd: number, offset: number, into: Buffer): Promise<boolean> {
  try {
    await readFully(fd, offset, into, undefined)
    return true
  } catch (error) {
    if (isMediumError(error)) return false
    throw error
  }
}

async function isAt(fd: number, path: string): Promise<boolean> {
  const open = await callFs<fs.BigIntStats>((done) => fs.fstat(fd, { bigint: true }, done))
  const there = await callFs<fs.BigIntStats>((done) => fs.stat(path, { bigint: true }, done))
  return open.ino === there.ino
}
