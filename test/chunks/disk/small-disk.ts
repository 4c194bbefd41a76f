import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const run = promisify(execFile)
const mebibyte = 1024 * 1024

/** The most that is worth filling up with ballast. */
const maxBallast = 256 * mebibyte

/**
 * A directory on a disk with about two MiB of free space. Where mounting is allowed it is a memory disk of its
 * own. A container that may not mount has a small memory disk of its own as /dev, which is filled up to that.
 * Undefined where there is neither, as for a user without rights on a whole machine.
 */
export async function smallDisk(): Promise<string | undefined> {
  return (await mountedDisk()) ?? (await filledDisk())
}

async function mountedDisk(): Promise<string | undefined> {
  const mountPoint = await temporaryDirectory()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${2 * mebibyte}`, 'ashlar-test', mountPoint])
  } catch {
    // Not allowed, or no such command: what `filledDisk` is for.
    return undefined
  }
  const root = await open(mountPoint)
  // Detached, the disk lives for as long as something on it is open: not even a test run that is killed leaves it behind.
  await run('umount', ['--lazy', mountPoint])
  onTestFinished(() => root.close())
  return join('/proc/self/fd', String(root.fd), 'chunks')
}

async function filledDisk(): Promise<string | undefined> {
  const { bavail, bsize, blocks } = await statfs('/dev')
  const free = bavail * bsize
  if (blocks === 0 || free > maxBallast || free < 2 * mebibyte) return undefined
  let directory: string
  try {
    directory = await mkdtemp(join('/dev', 'ashlar-'))
  } catch {
    // Not ours to write to.
    return undefined
  }
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'ballast'), Buffer.alloc(free - 2 * mebibyte))
  return directory
}
