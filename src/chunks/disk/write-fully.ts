import fs from 'node:fs'
import { callFs } from './call-fs.ts'
import type { Stop } from './stop.ts'

/** What Linux and macOS take in one vectored write. */
const maxPieces = 1024

/**
 * Writes all pieces from the file's current position on. When it settles, nothing reads the pieces any more.
 * An abort is heeded between writes, and rejects with the signal's reason.
 */
export async function writeFully(
  fd: number,
  pieces: readonly Uint8Array[],
  signal: Stop | undefined,
): Promise<void> {
  // An empty piece could stand alone in a batch, and a write of nothing looks like one that gets nowhere.
  const queue = pieces.filter(({ length }) => length > 0)
  for (let next = 0; next < queue.length;) {
    signal?.throwIfAborted()
    const batch = queue.slice(next, next + maxPieces)
    let left = await callFs<number>((done) => fs.writev(fd, batch, done))
    if (left === 0) throw new Error('a write wrote nothing and reported no error')
    for (let piece = queue[next]; piece && left > 0; piece = queue[next]) {
      if (piece.length > left) {
        queue[next] = piece.subarray(left)
        break
      }
      left -= piece.length
      next += 1
    }
  }
}
