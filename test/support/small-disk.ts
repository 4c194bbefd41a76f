import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { onTestFinished, type TestContext } from 'vitest'
import { temporaryDirectory } from './temporary-directory.ts'

const run = promisify(execFile)

/**
 * A directory on a memory disk of its own, until the test has ended. Rejects if root cannot mount
 * one. A user who may not mount anything is told how to run the test, which is skipped.
 */
export async function smallDisk(bytes: number, { skip }: Pick<TestContext, 'skip'>): Promise<string> {
  const directory = await temporaryDirectory()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'ashlar-test', directory])
  } catch (error) {
    const isRoot = process.getuid?.() === 0
    const advice = isRoot
      ? 'Give the container the right to mount (--cap-add SYS_ADMIN).'
      : 'Run it on Linux with: unshare --map-root-user --mount npm test'
    const message = `Cannot mount a small disk, so what happens on a full disk is NOT TESTED. ${advice}`
    if (isRoot) throw new Error(message, { cause: error })
    // Nobody looks at the reasons of skipped tests.
    console.warn(message)
    skip(message)
  }
  onTestFinished(async () => {
    await run('umount', ['--lazy', directory])
  })
  return directory
}
