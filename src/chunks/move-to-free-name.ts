import fs from 'node:fs'
import { promisify } from 'node:util'

/** What systems say of a file system that has no hard links. */
const lackOfLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'])

/**
 * Renames a file and replaces nothing: rejects `EEXIST` if something has the new name. File systems
 * without hard links (exFAT, SMB) cannot do that in one step, so an empty file takes the name
 * first; a crash between the two steps leaves it.
 */
export async function moveToFreeName(from: string, to: string): Promise<void> {
  try {
    // Unlike a rename it replaces nothing.
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
