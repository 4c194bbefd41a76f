import { vi } from 'vitest'
import { ashlar } from '../../src/cli/ashlar.ts'
import type { Ended } from './run-ashlar.ts'

/**
 * The command line in this process, in the folder `cwd`, which is much faster; for what needs
 * neither stdin nor signals.
 */
export async function ashlarHere(
  argv: readonly string[],
  { cwd = process.cwd() }: { readonly cwd?: string } = {},
): Promise<Ended> {
  const home = process.cwd()
  const printed = { stdout: '', stderr: '' }
  const streams = [process.stdout, process.stderr].map((stream) => ({
    stream,
    before: stream.listeners('error'),
  }))
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += Buffer.from(text).toString()
      return true
    }),
  )
  const log = vi.spyOn(console, 'log').mockImplementation((text) => void (printed.stdout += `${text}\n`))
  const error = vi.spyOn(console, 'error').mockImplementation((text) => void (printed.stderr += `${text}\n`))
  process.chdir(cwd)
  try {
    await ashlar(argv)
    return { code: Number(process.exitCode ?? 0), ...printed }
  } finally {
    process.chdir(home)
    process.exitCode = undefined
    for (const spy of [...spies, log, error]) spy.mockRestore()
    // A process has one terminal; many in one would be a leak to Node.
    for (const { stream, before } of streams) {
      const added = stream.listeners('error').filter((listener) => !before.includes(listener))
      for (const listener of added) stream.off('error', listener as () => void)
    }
  }
}
