import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually } from '../robustness/eventually.ts'
import { fastStart } from '../support/fast-start.ts'
import { inheritedEnv } from '../support/inherited-env.ts'

const entry = fileURLToPath(new URL('children/ashlar.ts', import.meta.url))

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** What comes from stdin; by default nothing. */
  readonly input?: string | Buffer
  /** A file descriptor that stdout goes to, instead of to `stdout`. */
  readonly output?: number
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The command line in a process of its own, that ends with the test at the latest. */
export class AshlarProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = Buffer.alloc(0)
  stderr = ''

  constructor(argv: readonly string[], { cwd, env, input, output }: RunOptions = {}) {
    this.child = spawn(process.execPath, [...fastStart, entry, ...argv], {
      cwd,
      env: { ...inheritedEnv(), ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', output ?? 'pipe', 'pipe'],
    })
    this.child.stdin?.end(input)
    this.child.stdout?.on('data', (piece: Buffer) => {
      this.stdout = Buffer.concat([this.stdout, piece])
    })
    this.child.stderr?.on('data', (piece: Buffer) => {
      this.stderr += String(piece)
    })
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: String(this.stdout),
      stderr: this.stderr,
    }))
    onTestFinished(async () => {
      this.child.kill('SIGKILL')
      await this.ended
    })
  }

  /** Resolves when stderr has this text in it. */
  async says(text: string): Promise<void> {
    await eventually(() => assert(this.stderr.includes(text), `it has not said ${text}: ${this.stderr}`))
  }
}

export function runAshlar(argv: readonly string[], options?: RunOptions): Promise<Ended> {
  return new AshlarProcess(argv, options).ended
}
