import fs from 'node:fs'
import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../../model/errors.ts'
import { explainSystemError } from '../../model/system-errors.ts'

/**
 * Turns one call of the callback `fs` into a promise, because `fs/promises` takes 20–40 % longer
 * for each chunk. It settles when the callback runs, so the call no longer uses its buffers then.
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
 * Fills `into` from byte `offset` of the file on, and resolves with the number of bytes read: fewer
 * than `into` holds only at the end of the file. An aborted read rejects with the signal's reason,
 * but only when the running call has returned: until then the kernel may write to `into`.
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

/** Decides between the steps of a call whether to go on, for instance a signal. */
export type Stop = Pick<AbortSignal, 'throwIfAborted'>

/** The most that Linux and macOS accept in one vectored write. */
const maxPieces = 1024

/**
 * Writes all pieces from the file's current position on. When it settles, nothing reads the pieces
 * any more. It checks for an abort between writes, and rejects with the signal's reason.
 */
export async function writeFully(
  fd: number,
  pieces: readonly Uint8Array[],
  signal: Stop | undefined,
): Promise<void> {
  // An empty piece could be alone in a batch, and writing nothing looks like no progress.
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
 * The error for the caller of a failed call: `no_space` or `unavailable`, with the system's error
 * as the cause. Errors that the system did not report, such as aborts and bugs, are returned as
 * they are.
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
 * Whether a call on `path` failed because that file does not exist. Rejects with the system's error
 * if its directory is gone too, as when a disk was removed: then nothing is known about the file.
 */
export async function isAbsence(error: unknown, path: string): Promise<boolean> {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return false
  await lstat(dirname(path))
  return true
}

/** Errors for a directory, a FIFO, a socket or a device in the place of a file. */
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
