// Builds the package before it is packed, or installed from the repository: npm runs this for both.
// Plain JavaScript without dependencies: it runs before there are any, on whatever Node the machine
// has.
import { spawnSync } from 'node:child_process'
import process from 'node:process'

// After `npm ci` the sources run as they are.
const isNeeded = process.env.ASHLAR_SET_UP === undefined && process.env.npm_command !== 'ci'

if (isNeeded) {
  const { status, error } = spawnSync('npm', ['run', 'build'], {
    cwd: new URL('..', import.meta.url),
    // stdout belongs to npm, which prints the name of the package there
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (error) throw error
  process.exitCode = status ?? 1
}
