import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { inheritedEnv } from '../support/inherited-env.ts'

const run = promisify(execFile)

/** Which package has which program. */
const packages = {
  'ceph-mon': 'ceph-mon',
  monmaptool: 'ceph-base',
  'ceph-osd': 'ceph-osd',
  radosgw: 'radosgw',
  'radosgw-admin': 'radosgw',
  ceph: 'ceph-common',
}

/**
 * Installs what is missing of Debian's Ceph. Rejects, with what apt-get printed, where it cannot.
 */
export async function installCeph(): Promise<void> {
  const missing = new Set<string>()
  for (const [program, name] of Object.entries(packages)) if (!(await isInstalled(program))) missing.add(name)
  if (missing.size === 0) return
  console.error(`Installing ${[...missing].join(', ')} …`)
  await aptGet('update')
  await aptGet('install', '--yes', '--no-install-recommends', ...missing)
}

async function isInstalled(program: string): Promise<boolean> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      await access(join(directory, program), constants.X_OK)
      return true
    } catch {
      // It may be in the next one.
    }
  }
  return false
}

async function aptGet(...args: readonly string[]): Promise<void> {
  // Somebody else may be installing something.
  await run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...inheritedEnv(), DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
  })
}
