import type { KeptOpen } from './fd-cache.ts'
import { readFully } from './fs-calls.ts'

/**
 * A page would do, but then it takes so many steps to larger pieces that a chunk which must come
 * from the disk comes at two thirds of the speed.
 */
const headBytes = 16 * 1024

/**
 * As `readFully`, of a file that is likely to be read from its beginning to its end, by reads side
 * by side. Linux fetches it in larger and larger pieces, and keeps it so, once it has seen that
 * somebody goes on where the last little read ended; reads side by side look random, and are kept
 * in single pages, from which they were measured to be copied at half the speed ever after. So the
 * file is begun with a little read, and others wait until the first is over: by then most of the
 * file is being fetched.
 */
export async function readInSequence(
  fd: number,
  kept: KeptOpen,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (offset === 0 && !kept.beginning) {
    const count = readBeginning(fd, into, signal)
    kept.beginning = count.then(nothing, nothing)
    return count
  }
  if (kept.beginning) await kept.beginning
  return readFully(fd, offset, into, signal)
}

async function readBeginning(fd: number, into: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
  const head = into.subarray(0, headBytes)
  const count = await readFully(fd, 0, head, signal)
  if (count < headBytes || into.length === headBytes) return count
  return count + (await readFully(fd, count, into.subarray(count), signal))
}

function nothing(): void {}
