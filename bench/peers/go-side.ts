import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const sources = fileURLToPath(new URL('go', import.meta.url))
const run = promisify(execFile)

export interface GoWork {
  readonly kind: 'download' | 'upload'
  /** Files of a chunk each. */
  readonly paths: readonly string[]
  /** Capacity of the channel, or number of workers. */
  readonly n: number
  readonly delayMs: number
  /** Runs that are measured together. */
  readonly times: number
}

/** Of one run. */
export interface GoMeasured {
  readonly ns: number
  readonly allocatedBytes: number
}

/** The experiment as it was done in Go, in a process that waits while others are measured. */
export class GoSide {
  readonly #process: ChildProcess
  readonly #answers: AsyncIterator<string>

  private constructor(child: ChildProcess) {
    this.#process = child
    this.#answers = createInterface(child.stdout!)[Symbol.asyncIterator]()
  }

  /**
   * Builds it in the directory; Debian's package is installed if there is no Go. Rejects with what
   * the compiler says.
   */
  static async start(directory: string): Promise<GoSide> {
    const program = join(directory, 'original-experiment')
    const build = () =>
      run('go', ['build', '-o', program, '.'], {
        cwd: sources,
        env: { ...process.env, GOCACHE: join(directory, 'go-cache') },
      })
    try {
      await build()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      await run('apt-get', ['update'])
      await run('apt-get', ['install', '--yes', '--no-install-recommends', 'golang-go'])
      await build()
    }
    return new GoSide(spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] }))
  }

  /** One at a time. */
  async measure(work: GoWork): Promise<GoMeasured> {
    this.#process.stdin!.write(`${JSON.stringify(work)}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error('the Go side has ended')
    return JSON.parse(value) as GoMeasured
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.stdin!.end()
    await ended
  }
}
