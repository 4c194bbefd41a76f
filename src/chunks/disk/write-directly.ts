import fs from 'node:fs'
import { callFs, type Stop, writeFully } from './fs-calls.ts'

/** Memory must begin and end at pages: this is a multiple of what any disk demands. */
const pageBytes = 4096

/** Less than this is cheap to copy. */
const worthwhileBytes = 64 * 1024

/**
 * Writes all pieces to an empty file past the page cache, if that is worth it and possible, and
 * resolves with whether it was. Nothing is copied then, which takes a fraction of the processor's
 * time, and the cache is left to what is read. Resolves with false, whatever it has written by
 * then, where the memory does not begin at pages or the file system does not take part. Does not
 * sync.
 */
export async function writeDirectly(
  path: string,
  pieces: readonly Uint8Array[],
  signal: Stop | undefined,
): Promise<boolean> {
  // Not every system has it.
  const { O_DIRECT, O_WRONLY } = fs.constants
  if (!O_DIRECT || !isWorthwhile(pieces)) return false
  try {
    const fd = await callFs<number>((done) => fs.open(path, O_WRONLY | O_DIRECT, done))
    try {
      await writeFully(fd, pieces, signal)
      return true
    } finally {
      await callFs((done) => fs.close(fd, done))
    }
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/**
 * The system has the last word: memory that begins at a page of its buffer need not begin at one of
 * the machine's.
 */
function isWorthwhile(pieces: readonly Uint8Array[]): boolean {
  const size = pieces.reduce((sum, { length }) => sum + length, 0)
  return size >= worthwhileBytes && pieces.every(isWholePages)
}

function isWholePages({ byteOffset, length }: Uint8Array): boolean {
  return byteOffset % pageBytes === 0 && length % pageBytes === 0
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EINVAL'
}
