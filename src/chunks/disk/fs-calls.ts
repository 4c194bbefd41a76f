import fs from 'node:fs'
import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../../model/errors.ts'
import { explainSystemError } from '../../model/system-errors.ts'

/**
 * One call of the callback `fs` as a promise, because `fs/promises` was measured to take 20–40 %
 * longer for each chunk. Settles when the callback runs, so nothing that was handed to the call is
 * in use any more.
 */
export function callFs<T = void>(
  call: (done: (error: Error | null | undefined, result: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}

/**
 * Fills `into` from byte `offset` of the file on and resolves with how many bytes there were: fewer
 * than `into` holds only where the file ends. An aborted read rejects with the signal's reason, but
 * not before the call under way has come back: until then the kernel may write to `into`.
 */
export async function readFully(
  fd: number,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    let filled = 0
    const readOn = (): void => {
      fs.read(fd, into, filled, into.length - filled, offset + filled, (error, count) => {
        filled += count
        if (signal?.aborted) reject(signal.reason)
        else if (error) reject(error)
        else if (count === 0 || filled === into.length) resolve(filled)
        else readOn()
      })
    }
    readOn()
  })
}

/** Asked between the steps of a call whether to go on: a signal, for instance. */
export type Stop = Pick<AbortSignal, 'throwIfAborted'>

/** What Linux and macOS take in one vectored write. */
const maxPieces = 1024

/**
 * Writes all pieces from the file's current position on. When it settles, nothing reads the pieces
 * any more. An abort is heeded between writes, and rejects with the signal's reason.
 */
export async function writeFully(
  fd: number,
  pieces: readonly Uint8Array[],
  signal: Stop | undefined,
): Promise<void> {
  // An empty piece could stand alone in a batch, and a write of nothing looks like one that gets
  // nowhere.
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

/**
 * What a caller is told about a failed call: `no_space` or `unavailable`, with the system's error
 * as the cause. What the system did not report (an abort, a mistake in the program) stays what it
 * is.
 */
export function diskError(error: unknown, attempt: string): unknown {
  const explained = explainSystemError(error)
  if (explained === undefined) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StoreError('no_space', `${attempt}: the disk is full. Free some space, or add some.`, {
      cause: error,
    })
  }
  return new StoreError('unavailable', `${attempt}: ${explained}`, { cause: error })
}

/**
 * Whether a call on `path` failed because that file is not there. Rejects with what the system
 * reports if the directory around it is gone too, as when a disk was taken away: then nothing is
 * known about the file.
 */
export async function isAbsence(error: unknown, path: string): Promise<boolean> {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return false
  await lstat(dirname(path))
  return true
}

/**
 * What the system reports of a directory, a FIFO, a socket or a device that stands in the place of
 * a file.
 */
const ofNoFile = new Set(['EISDIR', 'ESPIPE', 'ENXIO', 'ENODEV'])

/**
 * Whether something else than a file was to be read: a chunk that it has taken the place of is
 * lost.
 */
export function isNoFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ofNoFile.has(String(error.code))
}

/**
 * Whether the disk itself has failed to read what it should have: a bad sector stays bad, so these
 * bytes are lost, and to ask for them later is no use. Other failures, such as missing permissions,
 * say nothing of the bytes.
 */
export function isMediumError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'EIO' &&
    'syscall' in error &&
    error.syscall === 'read'
  )
}
