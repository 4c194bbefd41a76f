import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../model/errors.ts'
import { WorkerCalls } from '../system/worker-calls.ts'
import type { HashCall, HashReply, Span } from './messages.ts'

/**
 * A thread that takes digests. It keeps the process alive only while it has work; when it dies,
 * that rejects `unavailable`, and so does all later work.
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
      // What the process was started with may make no sense for this script.
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

  /** Calls that have not been answered. */
  get waiting(): number {
    return this.#calls.size
  }

  /** Of the blocks that the spans are when laid in order. */
  digestBlocks(memory: SharedArrayBuffer, spans: readonly Span[]): Promise<Uint8Array> {
    if (this.#death) return Promise.reject(this.#death)
    const { id, answer } = this.#calls.begin()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
    this.#worker.postMessage({ id, memory, spans } satisfies HashCall)
    return answer
  }

  #bury(cause: unknown): void {
    const message = 'A thread that takes digests has died: try again.'
    this.#death ??= new StoreError('unavailable', message, { cause })
    this.#calls.rejectAll(this.#death)
  }
}
