import { fstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { StoreError } from '../../model/errors.ts'
import type { Source } from './source.ts'

const pieceBytes = 256 * 1024

/**
 * A file on this machine, open until it is closed. Reading it rejects `digest_mismatch` once it has
 * been changed since it was opened. Rejects with the error of the file system.
 */
export async function fileSource(path: string): Promise<Source & { close(): Promise<void> }> {
  const file = await open(path)
  try {
    // Synchronous: the system has this at hand, and a call on a thread takes ten times as long.
    const { size, mtimeNs, ino } = fstatSync(file.fd, { bigint: true })
    return {
      size: Number(size),
      fingerprint: `${size}-${mtimeNs}-${ino}`,
      close: () => file.close(),
      async *read(from, to) {
        for (let at = from; at < to;) {
          const piece = new Uint8Array(Math.min(pieceBytes, to - at))
          const { bytesRead } = await file.read(piece, 0, piece.length, at)
          if (bytesRead === 0) throw changed(path)
          at += bytesRead
          yield piece.subarray(0, bytesRead)
        }
        // Check each offset again at the end: parts of two versions must not become one file.
        const now = fstatSync(file.fd, { bigint: true })
        if (now.size !== size || now.mtimeNs !== mtimeNs) throw changed(path)
      },
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

function changed(path: string): StoreError {
  return new StoreError(
    'digest_mismatch',
    `${path} changed while it was read: retry when it no longer changes.`,
  )
}
