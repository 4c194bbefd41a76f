import fs from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { callFs } from './fs-calls.ts'

/**
 * Creates a directory and its missing parents, readable by this user only; `fill` creates its
 * content. Resolves once all of it would survive a power cut. Rejects with the system's error.
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
 * Creates the missing directories of a path, and resolves with the topmost one that it has created,
 * if any. Node's recursive `mkdir` never returns if nothing can be created in a parent, as in
 * /proc.
 */
async function makeDirectories(path: string): Promise<string | undefined> {
  try {
    return await makeDirectory(path)
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!isAbsent || dirname(path) === path) throw error
    const created = await makeDirectories(dirname(path))
    // Another process may have created it first.
    const here = await makeDirectory(path)
    return created ?? here
  }
}

/** Resolves with the path, or with undefined if the directory exists already. */
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
 * The directory and its parent, even if both existed: the process that created them may have died
 * before it could sync. Above them, only what was created now.
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
