import fs from 'node:fs'
import { callFs, type Stop, writeFully } from './fs-calls.ts'
import { writeDirectly } from './write-directly.ts'

/**
 * Creates a file that must not exist, and resolves once its bytes, its size and its name would
 * survive a power cut. `onWritten` is called when the bytes are written, and `syncName` when they
 * are durable; it syncs the directory that the file stands in, under this name or another that it
 * gets there. If anything rejects, an abort too, what has this name is removed. When it settles,
 * and from `onWritten` on, nothing reads the pieces any more.
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
    // The kernel may have dropped the dirty pages: a second sync would lie, so the file goes. If it
    // cannot even be removed it is garbage that can be listed, and the first error says more than
    // the second.
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
    // Enough for a file that only grew: what is needed to read the bytes back, its size too, is
    // part of it.
    await callFs((done) => fs.fdatasync(fd, done))
  } finally {
    await callFs((done) => fs.close(fd, done))
  }
}
