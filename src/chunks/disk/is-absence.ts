import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Whether a call on `path` failed because that file is not there. Rejects with what the system reports if the
 * directory around it is gone too, as when a disk was taken away: then nothing is known about the file.
 */
export async function isAbsence(error: unknown, path: string): Promise<boolean> {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return false
  await lstat(dirname(path))
  return true
}
