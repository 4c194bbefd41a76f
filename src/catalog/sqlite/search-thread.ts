import { StoreError } from '../../model/errors.ts'
import { DatabaseThread } from './database-thread.ts'

/**
 * Searches on a thread of its own, so that no other read waits behind a search. The first search
 * starts the thread; if it dies, its calls reject `unavailable` and the next search starts another.
 */
export class SearchThread {
  readonly #path: string
  #thread: Promise<DatabaseThread> | undefined
  #isClosed = false

  constructor(path: string) {
    this.#path = path
  }

  async call(method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#isClosed) throw new StoreError('unavailable', 'The catalog is closed.')
    this.#thread ??= this.#start()
    return (await this.#thread).call(method, args)
  }

  /** Resolves when all searches are done and the database is closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    const thread = await this.#thread?.catch(() => undefined)
    await thread?.close()
  }

  async terminate(): Promise<void> {
    this.#isClosed = true
    const thread = await this.#thread?.catch(() => undefined)
    await thread?.terminate()
  }

  async #start(): Promise<DatabaseThread> {
    const thread = new DatabaseThread({ role: 'reader', path: this.#path })
    void thread.exited.then(() => (this.#thread = undefined))
    await thread.open()
    return thread
  }
}
