import fs from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { callFs } from './fs-calls.ts'

/**
 * Creates a directory, and those above it that are missing, readable by this user only; `fill`
 * creates what is to stand in it. Resolves once all of that would be found there after a power cut.
 * Rejects with what the system reports.
 */
export async function makeDurableDirectory(
  directory: string,
  fill: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const created = await makeDirectories(resolve(directory))
  await fill()
  for (const path of directoriesToSync(directory, created)) await syncDirectory(path)
}

/**
 * Creates what is missing of a path, and resolves with the topmost directory that it has created,
 * if any. Node's own way to do that goes on for ever where there is a parent in which nothing can
 * be created, as in /proc.
 */
async function makeDirectories(path: string): Promise<string | undefined> {
  try {
    return await makeDirectory(path)
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!isAbsent || dirname(path) === path) throw error
    const created = await makeDirectories(dirname(path))
    // Somebody else may have been faster.
    const here = await makeDirectory(path)
    return created ?? here
  }
}

/** Resolves with its path, or with nothing if it is there already. */
export async function makeDirectory(path: string): Promise<string | undefined> {
  try {
    await mkdir(path, { mode: 0o700 })
    return path
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      error.code === 'EEXIST' &&
      (await stat(path)).isDirectory()
    )
      return undefined
    throw error
  }
}

/**
 * The directory and its parent even if both were there: whoever created them may have died before
 * it could sync. Above them only what was created now.
 */
function directoriesToSync(directory: string, created: string | undefined): readonly string[] {
  const paths = [resolve(directory), dirname(resolve(directory))]
  const topmost = dirname(resolve(created ?? directory))
  for (let path = dirname(resolve(directory)); path !== topmost;) {
    path = dirname(path)
    paths.push(path)
  }
  return paths
}

export async function syncDirectory(path: string): Promise<void> {
  const fd = await openDirectory(path)
  try {
    await syncDescriptor(fd)
  } finally {
    await callFs((done) => fs.close(fd, done))
  }
}

export function openDirectory(path: string): Promise<number> {
  return callFs<number>((done) => fs.open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY, done))
}

export function syncDescriptor(fd: number): Promise<void> {
  return callFs((done) => fs.fsync(fd, done))
}
