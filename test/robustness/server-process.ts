import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually } from './eventually.ts'
import { fastStart } from '../support/fast-start.ts'
import { inheritedEnv } from '../support/inherited-env.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly url?: string
  readonly signal?: string
}

export interface ProcessLimits {
  /** `ulimit -n`; what this process has unless given. */
  readonly openFiles?: number
}

/** The server as people start it: a process of its own, that ends with the test at the latest. */
export class ServerProcess {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  stdout = ''
  stderr = ''
  #url: string | undefined

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, { openFiles }: ProcessLimits = {}) {
    const command = [process.execPath, ...fastStart, main, ...args]
    const limited = ['sh', '-c', `ulimit -n ${openFiles}; exec "$@"`, 'sh', ...command]
    const [file, ...rest] = openFiles === undefined ? command : limited
    this.child = spawn(file!, rest, {
      env: { ...inheritedEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (piece) => {
      this.stdout += piece
    })
    this.child.stderr?.on('data', (piece) => {
      this.stderr += piece
    })
    // When everything that it has said is here, too.
    this.exited = once(this.child, 'close').then(([code]) => code as number | null)
    onTestFinished(async () => {
      this.child.kill('SIGKILL')
      await this.exited
    })
  }

  /** Starts a server over a directory, on a port that is free, and resolves when it listens. */
  static async start(
    store: string,
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
    limits: ProcessLimits = {},
  ): Promise<ServerProcess> {
    const server = new ServerProcess(['--store', store, '--port', '0', ...args], env, limits)
    await eventually(() => {
      server.#url = server.log.find(({ url }) => url)?.url
      assert(server.#url !== undefined || server.child.exitCode !== null, 'it does not listen yet')
    })
    if (server.#url === undefined) throw new Error(`the server did not start: ${server.stderr}`)
    return server
  }

  get log(): readonly LogLine[] {
    const lines = this.stdout.split('\n')
    // The last is empty, or has not come whole.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as LogLine)
  }

  get url(): string {
    if (this.#url === undefined) throw new Error('the server does not listen')
    return this.#url
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  /** Tells it to stop, and resolves when it says that it does. */
  async terminate(): Promise<void> {
    this.child.kill('SIGTERM')
    await eventually(() =>
      assert(
        this.log.some(({ msg }) => msg.startsWith('stopping')),
        'it goes on',
      ),
    )
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }
}
