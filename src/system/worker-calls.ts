import type { Worker } from 'node:worker_threads'

/**
 * The calls to a worker thread that it has not answered yet. The thread keeps the process alive
 * only while there are any.
 */
export class WorkerCalls<T> {
  readonly #worker: Worker
  readonly #pending = new Map<number, PromiseWithResolvers<T>>()
  #nextId = 0

  constructor(worker: Worker) {
    this.#worker = worker
    worker.unref()
  }

  get size(): number {
    return this.#pending.size
  }

  /** The caller sends the id to the thread, which repeats it in its answer. */
  begin(): { readonly id: number; readonly answer: Promise<T> } {
    if (this.#pending.size === 0) this.#worker.ref()
    const id = this.#nextId++
    const call = Promise.withResolvers<T>()
    this.#pending.set(id, call)
    return { id, answer: call.promise }
  }

  resolve(id: number, value: T): void {
    this.#end(id)?.resolve(value)
  }

  reject(id: number, error: unknown): void {
    this.#end(id)?.reject(error)
  }

  /** For a thread that has died. */
  rejectAll(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  /** Resolves when the calls that are pending now have been answered. */
  async settled(): Promise<void> {
    await Promise.allSettled(Array.from(this.#pending.values(), ({ promise }) => promise))
  }

  #end(id: number): PromiseWithResolvers<T> | undefined {
    const call = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#worker.unref()
    return call
  }
}
