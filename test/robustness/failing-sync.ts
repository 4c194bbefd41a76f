import { execFile } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventually } from './eventually.ts'

const run = promisify(execFile)
const source = fileURLToPath(new URL('../support/failing-sync.c', import.meta.url))

/** How long it may take where a compiler has to be installed first. */
export const compilerTimeoutMs = 600_000

/** Makes syncs of a server fail that was started with `env`. */
export interface FailingSync {
  readonly env: NodeJS.ProcessEnv
  /** The nth sync from now on of a file, or a directory, whose path begins like that fails. */
  readonly failNext: (path: string, nth: number) => Promise<void>
  /** Resolves when the one that was to fail has failed. */
  readonly hasFailed: () => Promise<void>
  readonly remove: () => Promise<void>
}

/**
 * Builds what it takes, and installs a compiler where there is none and that is allowed. Rejects
 * with what to do otherwise.
 */
export async function buildFailingSync(): Promise<FailingSync> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  const library = join(directory, 'failing-sync.so')
  const plan = join(directory, 'plan')
  const compile = () => run('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-o', library, source])
  await compile().catch(async (error: unknown) => {
    if (process.getuid?.() !== 0) {
      const message =
        'This test needs a C compiler: install it with "apt-get install gcc libc6-dev", or run this as root.'
      throw new Error(message, { cause: error })
    }
    await installCompiler()
    await compile()
  })
  return {
    env: { LD_PRELOAD: library, SYNC_FAULT: plan },
    failNext: (path, nth) => writeFile(plan, `${nth} ${path}\n`),
    hasFailed: () =>
      eventually(async () => {
        if (await isThere(plan)) throw new Error('no sync has failed')
      }),
    remove: () => rm(directory, { recursive: true }),
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

async function installCompiler(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env })
  await run('apt-get', ['install', '--yes', '--no-install-recommends', 'gcc', 'libc6-dev'], { env })
}
