// Runs the tests on the oldest Node that package.json promises, without tuning. Arguments go to
// vitest.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
const { engines } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const version = `${engines.node.replace('>=', '')}.0`
const name = `node-${process.platform}-${process.arch}`
const folder = new URL(`node_modules/.cache/oldest-node/${version}/`, root)
const node = fileURLToPath(new URL(`node_modules/${name}/bin/node`, folder))

if (!existsSync(node)) {
  mkdirSync(folder, { recursive: true })
  run('npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--prefix',
    fileURLToPath(folder),
    `${name}@${version}`,
  ])
}
run(
  node,
  ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2)],
  {
    ASHLAR_TUNING: 'off',
  },
)

function run(file, argv, variables = {}) {
  const { status, error } = spawnSync(file, argv, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...variables },
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}
