import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'

const memory = '/dev/shm'
/** Several times what all tests have at once. */
const leastBytes = 4 * 1024 ** 3

/**
 * Global setup: temporary directories are in memory where there is enough of it, because a fifth of
 * all work would be syncs. `TMPDIR=/var/tmp npm test` tests on a disk.
 */
export default function setup(): (() => void) | undefined {
  if (process.env['TMPDIR'] !== undefined || !hasRoom()) return undefined
  const directory = mkdtempSync(`${memory}/ashlar-tests-`)
  // PostgreSQL does not run as root, and has its data below.
  chmodSync(directory, 0o711)
  process.env['TMPDIR'] = directory
  return () => rmSync(directory, { recursive: true, force: true })
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize >= leastBytes
  } catch {
    // No such place here.
    return false
  }
}
