// Installs the dependencies when the lock file is not the one installed, and otherwise returns at once.
// Plain JavaScript without dependencies: it runs before there are any, on whatever Node the machine has.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const lock = readFileSync(new URL('package-lock.json', root), 'utf8')
const stamp = new URL('node_modules/.ashlar-lock', root)

function installed() {
  try {
    return readFileSync(stamp, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

if (installed() !== lock) {
  console.error('Installing dependencies …')
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', options, {
    cwd: root,
    // stdout belongs to the command that follows
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
  writeFileSync(stamp, lock)
}
