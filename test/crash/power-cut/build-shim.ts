import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const source = fileURLToPath(new URL('recording-shim.c', import.meta.url))

/**
 * Compiles the shim into `directory`, and resolves with its path. Where there is no compiler,
 * installs one if it may.
 */
export async function buildShim(directory: string): Promise<string> {
  if (process.platform !== 'linux') throw new Error('Power cuts can only be played on Linux, with glibc.')
  const library = join(directory, 'recording-shim.so')
  const compile = () => run('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-o', library, source])
  try {
    await compile()
  } catch (error) {
    if (process.getuid?.() !== 0)
      throw new Error('Power cuts need a C compiler: install the packages gcc and libc6-dev.', {
        cause: error,
      })
    await installCompiler()
    await compile()
  }
  return library
}

async function installCompiler(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env })
  await run('apt-get', ['install', '--yes', '--no-install-recommends', 'gcc', 'libc6-dev'], { env })
}
