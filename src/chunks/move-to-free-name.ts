import fs from 'node:fs'
import { promisify } from 'node:util'

/** Errors of file systems that have no hard links. */
const lackOfLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'])

/**
 * Renames a file without replacing anything: rejects `EEXIST` if the new name is taken. File
 * systems without hard links (exFAT, SMB) cannot do that in one step, so an empty file takes the
 * name first. A crash between the two steps leaves it there.
 */
export async function moveToFreeName(from: string, to: string): Promise<void> {
  try {
    // Unlike a rename, a link replaces nothing.
    await promisify(fs.link)(from, to)
  } catch (error) {
    if (!lackOfLinks.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    await reserve(to)
    await replaceReserved(from, to)
    return
  }
  await promisify(fs.unlink)(from)
}

async function reserve(path: string): Promise<void> {
  const fd = await promisify(fs.open)(path, 'wx', 0o600)
  await promisify(fs.close)(fd)
}

async function replaceReserved(from: string, to: string): Promise<void> {
  try {
    await promisify(fs.rename)(from, to)
  } catch (error) {
    await promisify(fs.unlink)(to).catch(() => undefined)
    throw error
  }
}
