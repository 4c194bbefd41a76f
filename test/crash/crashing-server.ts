import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Violation } from './violation.ts'
import { fastStart } from '../support/fast-start.ts'
import { inheritedEnv } from '../support/inherited-env.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const errorLevel = 50

interface LogLine {
  readonly level: number
  readonly msg: string
  readonly url?: string
  readonly err?: { readonly code?: string }
}

interface CollectionTimes {
  /** How long what was unlinked is kept. */
  readonly graceMs?: number
  readonly collectIntervalMs?: number
}

/**
 * A server process over a directory, with small chunks, that collects all the time unless told
 * otherwise.
 */
export class CrashingServer {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #listening = Promise.withResolvers<number>()
  readonly #errors: LogLine[] = []
  #stderr = ''

  constructor(
    store: string,
    { graceMs = 0, collectIntervalMs = 15 }: CollectionTimes = {},
    env: NodeJS.ProcessEnv = {},
  ) {
    const options = {
      store,
      port: '0',
      'chunk-size': '64KiB',
      'collect-interval': `${collectIntervalMs}ms`,
      'collect-grace': `${graceMs}ms`,
      'orphan-interval': '100ms',
      'orphan-grace': '0ms',
    }
    const flags = Object.entries(options).map(([key, value]) => `--${key}=${value}`)
    this.#child = spawn(process.execPath, [...fastStart, main, ...flags], {
      env: { ...inheritedEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#exited = once(this.#child, 'close')
    this.#child.stderr?.on('data', (piece) => {
      this.#stderr += piece
    })
    createInterface(this.#child.stdout!).on('line', (line) => this.#read(line))
    this.#exited.then(
      () => this.#listening.reject(new Error(`the server ended before it listened: ${this.#stderr}`)),
      (error: unknown) => this.#listening.reject(error),
    )
    // Who kills it before it listens does not ask for the port.
    this.#listening.promise.catch(() => undefined)
  }

  /** Resolves when it listens. */
  get port(): Promise<number> {
    return this.#listening.promise
  }

  /** Resolves when it is gone, whoever ended it. */
  get exited(): Promise<unknown> {
    return this.#exited
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  /** Throws a violation if it has reported an error of its own. */
  expectNoErrors(): void {
    const unexpected = this.#errors.filter(({ msg, err }) => {
      // It was collected between being found and being read, and is stored anew.
      return err?.code !== 'not_found' || !msg.startsWith('failed while verifying chunk')
    })
    if (this.#stderr || unexpected.length > 0)
      throw new Violation(`the server reports ${this.#stderr}${JSON.stringify(unexpected, undefined, 2)}`)
  }

  #read(line: string): void {
    // The last one may have been cut off by the crash.
    if (!line.endsWith('}')) return
    const read = JSON.parse(line) as LogLine
    if (read.url?.startsWith('http:')) this.#listening.resolve(Number(new URL(read.url).port))
    if (read.level >= errorLevel) this.#errors.push(read)
  }
}
