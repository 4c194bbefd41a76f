import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../model/errors.ts'
import { WorkerCalls } from '../system/worker-calls.ts'
import type { HashCall, HashReply, Span } from './messages.ts'

/**
 * A thread that hashes. It keeps the process alive only while it has work. If it dies, all pending
 * and later calls reject with `unavailable`.
 */
export class HashThread {
  readonly #worker: Worker
  readonly #calls: WorkerCalls<Uint8Array>
  #death: StoreError | undefined

  constructor() {
    // The same extension as this file: .ts from source, .js once built.
    const url = new URL(`hash-worker${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(url, {
      name: 'hash',
      // The process's own flags may make no sense for this script.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1 },
    })
    this.#calls = new WorkerCalls(this.#worker)
    this.#worker.on('message', ({ id, digests }: HashReply) => this.#calls.resolve(id, digests))
    this.#worker.on('error', (error) => this.#bury(error))
    this.#worker.once('exit', () => this.#bury(undefined))
  }

  get isDead(): boolean {
    return this.#death !== undefined
  }

  /** Calls without an answer yet. */
  get waiting(): number {
    return this.#calls.size
  }

  /** Digests the blocks of the concatenated spans. */
  digestBlocks(memory: SharedArrayBuffer, spans: readonly Span[]): Promise<Uint8Array> {
    if (this.#death) return Promise.reject(this.#death)
    const { id, answer } = this.#calls.begin()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
    this.#worker.postMessage({ id, memory, spans } satisfies HashCall)
    return answer
  }

  #bury(cause: unknown): void {
    const message = 'A hashing thread has died: try again.'
    this.#death ??= new StoreError('unavailable', message, { cause })
    this.#calls.rejectAll(this.#death)
  }
}
