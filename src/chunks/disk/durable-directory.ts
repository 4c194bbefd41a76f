import fs from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { callFs } from './call-fs.ts'

/**
 * Creates a directory, and those above it that are missing, readable by this user only; `fill` creates what is to stand in it. Resolves once all
 * of that would be found there after a power cut. Rejects with what the system reports.
 */
export async function makeDurableDirectory(
  directory: string,
  fill: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const created = await mkdir(directory, { recursive: true, mode: 0o700 })
  await fill()
  for (const path of directoriesToSync(directory, created)) await syncDirectory(path)
}

/**
 * The directory and its parent even if both were there: whoever created them may have died before it
 * could sync. Above them only what was created now.
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

async function syncDirectory(path: string): Promise<void> {
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
