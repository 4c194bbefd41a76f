import { statfs } from 'node:fs/promises'
import { diskError } from './fs-calls.ts'

/**
 * How many bytes can be written below the directory before less than `reserve` is free; 0 if less
 * is free already, `Infinity` if the file system does not report its size. Rejects `unavailable`.
 */
export async function freeBytes(directory: string, reserve: number): Promise<number> {
  try {
    // `bavail` rather than `bfree`, which counts blocks that only root may use.
    const { blocks, bavail, bsize } = await statfs(directory)
    return blocks === 0 ? Infinity : Math.max(0, bavail * bsize - reserve)
  } catch (error) {
    throw diskError(error, 'cannot see how much space is free')
  }
}
