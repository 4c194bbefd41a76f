import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Target } from '../upload/source.ts'

const pieceBytes = 256 * 1024

/**
 * A file on this machine, created if it is missing, open until it is closed, and synced when it is
 * finished. Rejects with the error of the file system.
 */
export async function fileTarget(path: string): Promise<Target & { close(): Promise<void> }> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT)
  return {
    size: async () => (await file.stat()).size,
    async *read(from, to) {
      for (let at = from; at < to;) {
        const piece = new Uint8Array(Math.min(pieceBytes, to - at))
        const { bytesRead } = await file.read(piece, 0, piece.length, at)
        if (bytesRead === 0) return
        at += bytesRead
        yield piece.subarray(0, bytesRead)
      }
    },
    async write(offset, bytes) {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, offset + at)
        at += bytesWritten
      }
    },
    async finish(size) {
      await file.truncate(size)
      await file.sync()
    },
    close: () => file.close(),
  }
}
