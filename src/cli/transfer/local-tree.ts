import { lstat, mkdir, mkdtemp, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { parseFileName } from '../../model/file.ts'
import { isImpossibleOnWindows } from '../../model/windows-names.ts'
import { partEnding } from './fetch-file.ts'

/**
 * Where a name is below a folder of this machine. Throws for a name that cannot be there: a server
 * is not trusted to send only good ones.
 */
export function pathBelow(root: string, name: string): string {
  const segments = parseFileName(name).split('/')
  if (segments.some((segment) => isImpossible(segment))) {
    throw new Error('this system does not allow such a file name: fetch it alone, to a path of your choice')
  }
  if (name.endsWith(partEnding)) {
    throw new Error(
      `a name that ends in ${partEnding} is reserved for downloads: fetch it alone, to another path`,
    )
  }
  return join(root, ...segments)
}

function isImpossible(segment: string): boolean {
  return process.platform === 'win32' && isImpossibleOnWindows(segment)
}

/**
 * Makes the folders that `path` is in, below `root`. Rejects where one of them is a link, which
 * could lead anywhere, or a file.
 */
export async function makeFoldersFor(root: string, path: string): Promise<void> {
  const folder = dirname(path)
  if (folder === root || folder === dirname(folder)) return
  await makeFoldersFor(root, folder)
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const stats = await lstat(folder)
  if (stats.isSymbolicLink()) throw new Error(`${folder} is a link here, and is not followed: remove it`)
  if (!stats.isDirectory()) throw new Error(`${folder} is a file here: remove it`)
}

/** Whether names that differ in case alone are one to the file system that the folder is on. */
export async function ignoresCase(folder: string): Promise<boolean> {
  const probe = await mkdtemp(join(folder, '.ashlar-case-'))
  try {
    await lstat(join(folder, basename(probe).toUpperCase()))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  } finally {
    await rmdir(probe)
  }
}
