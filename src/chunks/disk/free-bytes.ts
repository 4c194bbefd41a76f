import { statfs } from 'node:fs/promises'
import { diskError } from './fs-calls.ts'

/**
 * Bytes that may still be written below the directory before less than `reserve` is left; 0 if
 * there is less already, `Infinity` where the file system does not say how large it is. Rejects
 * `unavailable`.
 */
export async function freeBytes(directory: string, reserve: number): Promise<number> {
  try {
    // Blocks that only root may use (`bfree` has them, too) are none that we can count on.
    const { blocks, bavail, bsize } = await statfs(directory)
    return blocks === 0 ? Infinity : Math.max(0, bavail * bsize - reserve)
  } catch (error) {
    throw diskError(error, 'cannot see how much space is free')
  }
}
