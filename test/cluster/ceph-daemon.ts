import { spawn } from 'node:child_process'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inheritedEnv } from '../support/inherited-env.ts'
import { until } from './until.ts'

const stopTimeoutMs = 5_000

/**
 * A process that outlives who has started it: the one that does is named by a file, so that every
 * process of a run can stop it, and start it again.
 */
export class CephDaemon {
  readonly name: string
  readonly #directory: string
  readonly #command: string
  readonly #args: readonly string[]

  constructor(directory: string, name: string, command: string, args: readonly string[]) {
    this.#directory = directory
    this.name = name
    this.#command = command
    this.#args = args
  }

  /** Resolves when there is a process, which may not be ready. Leaves one that is there alone. */
  async start(): Promise<void> {
    if (await this.#findPid()) return
    const output = await open(this.#log, 'a')
    try {
      const stdio = ['ignore', output.fd, output.fd] as const
      const child = spawn(this.#command, this.#args, {
        detached: true,
        stdio: [...stdio],
        env: inheritedEnv(),
      })
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
      child.unref()
      await writeFile(this.#pidFile, String(child.pid))
    } finally {
      await output.close()
    }
  }

  /** As a power cut would. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL')
    await this.#end('SIGKILL')
  }

  /** It keeps its connections, and answers nothing. */
  async pause(): Promise<void> {
    if (!(await this.#signal('SIGSTOP'))) throw new Error(`${this.name} does not run`)
  }

  async resume(): Promise<void> {
    if (!(await this.#signal('SIGCONT'))) throw new Error(`${this.name} does not run`)
  }

  /** In good order if it will. Resolves when it is gone, or was not there. */
  async stop(): Promise<void> {
    await this.#signal('SIGTERM')
    // A signal waits for as long as the process is paused.
    await this.#signal('SIGCONT')
    try {
      await this.#end('SIGTERM')
    } catch {
      await this.kill()
    }
  }

  async isRunning(): Promise<boolean> {
    return (await this.#findPid()) !== undefined
  }

  /** The last lines that it has printed. */
  async lastWords(): Promise<string> {
    return (await readFile(this.#log, 'utf8')).split('\n').slice(-10).join('\n')
  }

  async #signal(signal: NodeJS.Signals): Promise<boolean> {
    const pid = await this.#findPid()
    return pid !== undefined && process.kill(pid, signal)
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    return until(`${this.name} ends on ${signal}`, stopTimeoutMs, async () => !(await this.isRunning()))
  }

  /** Of a process with these very arguments: a number may be another's by now. */
  async #findPid(): Promise<number | undefined> {
    const pid = Number(await readIfThere(this.#pidFile))
    const commandLine = pid > 0 ? await readIfThere(`/proc/${pid}/cmdline`) : ''
    return commandLine === [this.#command, ...this.#args, ''].join('\0') ? pid : undefined
  }

  get #pidFile(): string {
    return join(this.#directory, 'run', `${this.name}.pid`)
  }

  get #log(): string {
    return join(this.#directory, 'log', `${this.name}.out`)
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // ESRCH: it has ended while it was being looked at.
    if (code === 'ENOENT' || code === 'ESRCH') return ''
    throw error
  }
}
