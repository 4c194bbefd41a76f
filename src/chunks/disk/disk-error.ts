import { StoreError } from '../../model/errors.ts'
import { explainSystemError } from '../../model/system-errors.ts'

/**
 * What a caller is told about a failed call: `no_space` or `unavailable`, with the system's error as the cause.
 * What the system did not report (an abort, a mistake in the program) stays what it is.
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
