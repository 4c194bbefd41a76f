import { StoreError } from '../../model/errors.ts'
import { damage } from '../seals.ts'
import type { ErrorCode } from '../../model/errors.ts'

/** A failure as it crosses threads, where errors would lose their codes. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly isRefusal: boolean
  /** The stack of the cause. */
  readonly cause?: string
}

/** `isUndone` says that the transaction was rolled back, so the call changed nothing. */
export function failureOf(error: unknown, isUndone: boolean): Failure {
  return { ...described(error), isRefusal: isUndone }
}

function described(error: unknown): Omit<Failure, 'isRefusal'> {
  if (error instanceof StoreError) {
    const { code, message, cause } = error
    return { code, message, ...(cause !== undefined && { cause: stackOf(cause) }) }
  }
  const cause = stackOf(error)
  const result = resultOf(error)
  if (isFull(error)) {
    return { code: 'no_space', message: 'The catalog cannot grow: free space on its disk.', cause }
  }
  if (result !== undefined && damaged.has(result)) {
    const { code, message } = damage(`SQLite says "${errorText(error)}"`)
    return { code, message, cause }
  }
  if (result !== undefined && unusable.has(result)) {
    return { code: 'unavailable', message: `The catalog cannot be used: ${errorText(error)}.`, cause }
  }
  return { code: 'internal', message: 'The catalog failed in a way that it should not.', cause }
}

export function errorOf({ code, message, isRefusal, cause }: Failure): StoreError {
  if (cause === undefined) return new StoreError(code, message, { isRefusal })
  const behind = new Error(cause.split('\n', 1)[0])
  behind.stack = cause
  return new StoreError(code, message, { cause: behind, isRefusal })
}

export function isIoError(error: unknown): boolean {
  return resultOf(error) === resultIoError
}

/** Whether the disk has no room, for SQLite or for the files beside the database. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('errcode' in error) return resultOf(error) === resultFull || error.errcode === resultNoSharedMemory
  return 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

/** A statement that was right when it was written, a damaged database, or none. */
export function isSqlError(error: unknown): boolean {
  const result = resultOf(error)
  return result === 1 || (result !== undefined && damaged.has(result))
}

export function isBusy(error: unknown): boolean {
  return resultOf(error) === resultBusy
}

/** Even a reader has to create the -wal and -shm files, which readers and writers share. */
export function isForbiddenDirectory(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === resultReadonlyDirectory
}

// Primary result codes, https://sqlite.org/rescode.html.
const resultBusy = 5
const resultIoError = 10
const resultFull = 13
/** Extended ones. */
const resultReadonlyDirectory = 1544
/** The -shm file cannot grow. */
const resultNoSharedMemory = 4874

/** Corrupt, not a database. */
const damaged = new Set([11, 26])

/** Busy, locked, out of memory, read-only, I/O error, cannot open, lock protocol. */
const unusable = new Set([resultBusy, 6, 7, 8, resultIoError, 14, 15])

function resultOf(error: unknown): number | undefined {
  // The low byte of an extended code is its primary one.
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}

function errorText(error: unknown): string {
  return error instanceof Error && 'errstr' in error ? String(error.errstr) : String(error)
}

function stackOf(error: unknown): string {
  return (error instanceof Error && error.stack) || String(error)
}
