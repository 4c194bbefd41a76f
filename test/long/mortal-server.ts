import { ServerProcess, type LogLine } from '../robustness/server-process.ts'

const errorLevel = 50

interface ErrorLine extends LogLine {
  readonly err?: { readonly code?: string }
}

/**
 * A server process that may be killed at any time, and is started again over the same directory.
 */
export class MortalServer {
  readonly #directory: string
  readonly #args: readonly string[]
  readonly #all: ServerProcess[] = []
  #running: Promise<ServerProcess>

  private constructor(directory: string, args: readonly string[]) {
    this.#directory = directory
    this.#args = args
    this.#running = this.#start()
  }

  static async start(directory: string, args: readonly string[]): Promise<MortalServer> {
    const server = new MortalServer(directory, args)
    await server.#running
    return server
  }

  /** Of the one that lives; while there is none, of the next. */
  async port(): Promise<number> {
    return (await this.#running).port
  }

  /** Kills it with SIGKILL, and starts the next as soon as it is dead. */
  restart(): void {
    const killed = this.#running
    this.#running = killed.then(async (before) => {
      await before.kill()
      return this.#start()
    })
  }

  /**
   * What any of them has logged as an error, but for chunks that were collected between being found
   * and being read: those are stored anew.
   */
  get errors(): readonly LogLine[] {
    const logged = this.#all.flatMap(({ log }) => log as readonly ErrorLine[])
    return logged.filter(({ level, msg, err }) => {
      const isCollected = err?.code === 'not_found' && msg.startsWith('failed while verifying chunk')
      return level >= errorLevel && !isCollected
    })
  }

  async #start(): Promise<ServerProcess> {
    const process = await ServerProcess.start(this.#directory, this.#args)
    this.#all.push(process)
    return process
  }
}
