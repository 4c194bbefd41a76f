// Installs the dependencies when they are not those of the lock file, and otherwise returns at
// once. Plain JavaScript without dependencies: it runs before there are any, on whatever Node the
// machine has.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'

const root = new URL('..', import.meta.url)
const read = (path) => readFileSync(new URL(path, root), 'utf8')
const lock = read('package-lock.json')
const stamp = 'node_modules/.ashlar-lock'
const isWindows = process.platform === 'win32'

/** The Node that the repository brings, and everything that package.json names. */
function missing() {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  const names = Object.keys({ ...dependencies, ...devDependencies })
  const folders = names.map((name) => `node_modules/${name}`)
  const node = `node_modules/.bin/node${isWindows ? '.cmd' : ''}`
  return [node, ...folders].filter((path) => !existsSync(new URL(path, root)))
}

function isInstalled() {
  const isOfLock = existsSync(new URL(stamp, root)) && read(stamp) === lock
  // Development dependencies may have been pruned.
  return isOfLock && missing().length === 0
}

if (!isInstalled()) {
  console.error('Installing dependencies …')
  // Whatever NODE_ENV and npm's own settings leave out is needed to run from the sources.
  const include = ['--include=dev', '--include=optional', '--include=peer']
  const options = ['ci', ...include, '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', options, {
    cwd: root,
    // The sources run as they are: nothing has to be built for them.
    env: { ...process.env, ASHLAR_SET_UP: '1' },
    // stdout belongs to the command that follows
    stdio: ['ignore', 2, 2],
    shell: isWindows,
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
  const left = missing()
  if (left.length > 0) {
    console.error(`ashlar: npm ci did not install ${left.join(', ')}. Remove node_modules and try again.`)
    process.exit(1)
  }
  writeFileSync(new URL(stamp, root), lock)
}
