import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const node = process.execPath
// Downloads that another run has cached are not asked for again.
const npmEnv = { ...process.env, npm_config_prefer_offline: 'true', ASHLAR_SET_UP: undefined }
const minutes = 60_000

let clone: string
let version: string

/** Everything that git has or would take, as a clone of it would be. */
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'ashlar-clone-'))
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  })
  for (const path of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(clone, path)), { recursive: true })
    await cp(join(root, path), join(clone, path))
  }
  const manifest = JSON.parse(await readFile(join(clone, 'package.json'), 'utf8')) as { version: string }
  version = manifest.version
  return () => rm(clone, { recursive: true, force: true })
})

it(
  'the set-up installs what running needs, whatever npm is told to leave out, and what was pruned',
  { timeout: 10 * minutes },
  async () => {
    const setUp = () =>
      run('npm', ['run', 'precheck'], {
        cwd: clone,
        env: { ...npmEnv, NODE_ENV: 'production', npm_config_omit: 'optional' },
      })
    const brought = join(clone, 'node_modules', '.bin', 'node')
    await setUp()
    expect((await run(brought, ['--version'])).stdout).toMatch(/^v2[4-9]\./)
    await rm(join(clone, 'node_modules', 'vitest'), { recursive: true })
    await setUp()
    expect((await run(brought, ['-e', 'import("vitest/config")'], { cwd: clone })).stderr).toBe('')
  },
)

it(
  'npm pack in a clean clone makes a package that installs, has its command, client and types',
  { timeout: 10 * minutes },
  async () => {
    const { stdout } = await run('npm', ['pack', '--silent'], { cwd: clone, env: npmEnv })
    const tarball = join(clone, stdout.trim().split('\n').at(-1)!)
    const place = await temporaryDirectory()
    await writeFile(join(place, 'package.json'), '{ "type": "module" }')
    await run('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd: place, env: npmEnv })
    const bin = join(place, 'node_modules', 'ashlar', 'bin', 'ashlar.mjs')
    expect((await run(node, [bin, '--version'])).stdout).toBe(`${version}\n`)
    const script = `
      import { connect } from 'ashlar/client'
      import { createApp } from 'ashlar'
      console.log(typeof connect, typeof createApp)`
    await writeFile(join(place, 'main.mjs'), script)
    expect((await run(node, [join(place, 'main.mjs')])).stdout).toBe('function function\n')
    const types = join(place, 'node_modules', 'ashlar', 'dist', 'client', 'node.d.ts')
    expect(await readFile(types, 'utf8')).toContain('connect')
  },
)
