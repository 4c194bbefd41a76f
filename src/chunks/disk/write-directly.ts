import fs from 'node:fs'
import { callFs, type Stop, writeFully } from './fs-calls.ts'

/** Memory must be aligned to pages: this is a multiple of what any disk demands. */
const pageBytes = 4096

/** Smaller writes are cheap to copy. */
const worthwhileBytes = 64 * 1024

/**
 * Writes all pieces to an empty file past the page cache, if that is possible and worthwhile, and
 * resolves with whether it did. Nothing is copied, which takes a fraction of the CPU time and
 * leaves the cache to reads. If the memory is not aligned to pages or the file system refuses,
 * resolves with false, and may have written a part. Does not sync.
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
 * The system decides in the end: memory at a page boundary of its buffer may not be at one of the
 * machine.
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
