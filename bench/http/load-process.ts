import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Load, LoadResult } from './load.ts'

type Message = { readonly result: LoadResult } | { readonly error: string }

/** The clients, in a process of their own that stays warm from one load to the next. */
export class LoadProcess {
  readonly #child: ChildProcess
  readonly #died: Promise<never>

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./load-main.ts', import.meta.url)))
    this.#died = once(this.#child, 'exit').then(() => {
      throw new Error('the process of the clients has died')
    })
    // Whoever waits for it then hears of it.
    this.#died.catch(() => undefined)
  }

  /** One load at a time. Rejects as soon as one exchange fails. */
  async run(load: Load): Promise<LoadResult> {
    this.#child.send(load)
    const [message] = (await Promise.race([once(this.#child, 'message'), this.#died])) as [Message]
    if ('error' in message) throw new Error(`port ${load.port}: ${message.error}`)
    return message.result
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill()
    await exited
  }
}
