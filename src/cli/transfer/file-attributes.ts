import type { Stats } from 'node:fs'
import { chmod, utimes } from 'node:fs/promises'
import { keptAttributes, type Metadata } from '../../model/file.ts'

/**
 * What a file system knows of a file, as metadata: `mtime` in ISO 8601, and the permissions as
 * `mode`, in octal.
 */
export function attributesOf({ mtimeMs, mode }: Pick<Stats, 'mtimeMs' | 'mode'>): Metadata {
  // Rounded, for what `utimes` sets is a little off, and must come back as the same.
  const mtime = new Date(Math.round(mtimeMs)).toISOString()
  // Windows has no permissions of this kind: what it says would mislead others.
  return process.platform === 'win32'
    ? { mtime }
    : { mtime, mode: (mode & 0o777).toString(8).padStart(3, '0') }
}

/**
 * Gives a file what its metadata has kept. What is not there, or not as it should be, is left as it
 * is.
 */
export async function restoreAttributes(path: string, metadata: Metadata): Promise<void> {
  const { mtimeMs, mode } = keptAttributes(metadata)
  if (mtimeMs !== undefined) await utimes(path, new Date(mtimeMs), new Date(mtimeMs))
  if (mode !== undefined && process.platform !== 'win32') await chmod(path, mode)
}
