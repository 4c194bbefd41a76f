import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { promisify } from 'node:util'
import { inheritedEnv } from './inherited-env.ts'

/**
 * The path of a program of Debian's, which is installed if it is missing. Rejects, with what
 * apt-get printed, where it cannot be.
 */
export async function debianProgram(path: string, packageName: string): Promise<string> {
  try {
    await access(path, constants.X_OK)
  } catch {
    await aptGet('update')
    await aptGet('install', '--yes', '--no-install-recommends', packageName)
  }
  return path
}

async function aptGet(...args: readonly string[]): Promise<void> {
  // Another process may be installing something.
  await promisify(execFile)('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...inheritedEnv(), DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
  })
}
