import fs from 'node:fs'
import { callFs, type Stop, writeFully } from './fs-calls.ts'
import { writeDirectly } from './write-directly.ts'

/**
 * Creates a file that must not exist, and resolves once its bytes, its size and its name would
 * survive a power cut. It calls `onWritten` when the bytes are written, and `syncName` when they
 * are durable. `syncName` syncs the directory of the file, under this name or another that it gives
 * the file. If anything rejects, or the signal aborts, the file with this name is removed. Nothing
 * reads the pieces after `onWritten`, or after this settles.
 */
export async function createFile(
  path: string,
  pieces: readonly Uint8Array[],
  syncName: () => Promise<void>,
  signal: Stop | undefined,
  onWritten: () => void = () => {},
): Promise<void> {
  const { O_CREAT, O_EXCL, O_WRONLY } = fs.constants
  const fd = await callFs<number>((done) => fs.open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600, done))
  try {
    await writeAndSync(path, fd, pieces, signal, onWritten)
    signal?.throwIfAborted()
    await syncName()
  } catch (error) {
    // The kernel may have dropped the dirty pages, and a second sync would report success: remove
    // the file. If that fails too, the file is garbage that a listing finds, and the first error
    // says more than the second.
    await callFs((done) => fs.unlink(path, done)).catch(() => undefined)
    throw error
  }
}

async function writeAndSync(
  path: string,
  fd: number,
  pieces: readonly Uint8Array[],
  signal: Stop | undefined,
  onWritten: () => void,
): Promise<void> {
  try {
    if (!(await writeDirectly(path, pieces, signal))) await writeFully(fd, pieces, signal)
    onWritten()
    signal?.throwIfAborted()
    // `fdatasync` suffices for a file that only grew: it covers all that is needed to read the
    // bytes back, including the size.
    await callFs((done) => fs.fdatasync(fd, done))
  } finally {
    await callFs((done) => fs.close(fd, done))
  }
}
