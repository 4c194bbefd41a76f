import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../../model/errors.ts'
import { WorkerCalls } from '../../system/worker-calls.ts'
import { errorOf } from './failures.ts'
import type { Call, Calls, Replies, ThreadSettings } from './messages.ts'

/**
 * The main thread's side of a thread with its own database connection. It keeps the process alive
 * only while calls are pending. If the thread dies, these and all later calls reject `unavailable`.
 */
export class DatabaseThread {
  readonly #worker: Worker
  readonly #pending: WorkerCalls<unknown>
  #unsent: Call[] = []
  readonly #exited = Promise.withResolvers<void>()
  #committed = 0
  #error: unknown
  #end: StoreError | undefined
  #isDead = false

  constructor(settings: ThreadSettings) {
    // The same extension as this file: .ts from source, .js once built.
    const url = new URL(`worker${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(url, { workerData: settings, name: `catalog ${settings.role}` })
    this.#pending = new WorkerCalls(this.#worker)
    this.#worker.on('message', (message: Replies) => this.#settle(message))
    this.#worker.on('messageerror', (error) => this.#fail(error))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.once('exit', () => this.#bury())
  }

  /** Transactions that this thread has committed. */
  get committed(): number {
    return this.#committed
  }

  /** Resolves when the thread has ended for whatever reason. */
  get exited(): Promise<void> {
    return this.#exited.promise
  }

  /** If it rejects, the thread has ended. */
  async open(): Promise<void> {
    try {
      await this.call('open', [])
    } catch (error) {
      await this.terminate()
      throw error
    }
  }

  async call(method: string, args: readonly unknown[], now?: number): Promise<unknown> {
    if (this.#end) throw this.#end
    return this.#post(method, args, now)
  }

  /** Rejects later calls. Resolves when pending ones are done. */
  async finish(): Promise<void> {
    this.#end ??= new StoreError('unavailable', 'The catalog is closed.')
    await this.#pending.settled()
  }

  /** Finishes, closes the database, and resolves when the thread has ended. */
  async close(): Promise<void> {
    await this.finish()
    if (this.#isDead) return
    try {
      await this.#post('close', [])
    } finally {
      this.#worker.ref()
      await this.exited
    }
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  async #post(method: string, args: readonly unknown[], now?: number): Promise<unknown> {
    const { id, answer } = this.#pending.begin()
    this.#unsent.push({ id, method, args, now })
    // Concurrent calls share a message, because each message wakes the thread.
    if (this.#unsent.length === 1) queueMicrotask(() => this.#sendCalls())
    return answer
  }

  #sendCalls(): void {
    const calls: Calls = this.#unsent
    this.#unsent = []
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
      this.#worker.postMessage(calls)
    } catch (error) {
      // Something in them cannot be sent, which is a mistake of the caller.
      for (const { id } of calls) this.#pending.reject(id, error)
    }
  }

  #settle({ replies, committed }: Replies): void {
    this.#committed = committed
    for (const reply of replies) {
      if ('failure' in reply) this.#pending.reject(reply.id, errorOf(reply.failure))
      else this.#pending.resolve(reply.id, reply.value)
    }
  }

  #fail(error: unknown): void {
    this.#error ??= error
    void this.terminate()
  }

  #bury(): void {
    const message = 'A thread of the catalog has died: restart the server.'
    const death = new StoreError('unavailable', message, { cause: this.#error })
    this.#isDead = true
    this.#end ??= death
    this.#pending.rejectAll(death)
    this.#exited.resolve()
  }
}
