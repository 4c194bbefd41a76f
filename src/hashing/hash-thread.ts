import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../model/errors.ts'
import type { HashCall, HashReply, Span } from './messages.ts'

/**
 * A thread that takes digests. It keeps the process alive only while it has work; when it dies,
 * that rejects `unavailable`, and so does all later work.
 */
export class HashThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<Uint8Array>>()
  #nextId = 0
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
    this.#worker.unref()
    this.#worker.on('message', (reply: HashReply) => this.#settle(reply))
    this.#worker.on('error', (error) => this.#bury(error))
    this.#worker.once('exit', () => this.#bury(undefined))
  }

  get isDead(): boolean {
    return this.#death !== undefined
  }

  /** Calls that have not been answered. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Of the blocks that the spans are when laid in order. */
  digestBlocks(memory: SharedArrayBuffer, spans: readonly Span[]): Promise<Uint8Array> {
    if (this.#death) return Promise.reject(this.#death)
    const id = this.#nextId++
    if (this.#waiting.size === 0) this.#worker.ref()
    const waiting = Promise.withResolvers<Uint8Array>()
    this.#waiting.set(id, waiting)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
    this.#worker.postMessage({ id, memory, spans } satisfies HashCall)
    return waiting.promise
  }

  #settle({ id, digests }: HashReply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#worker.unref()
    waiting?.resolve(digests)
  }

  #bury(cause: unknown): void {
    const message = 'A thread that takes digests has died: try again.'
    this.#death ??= new StoreError('unavailable', message, { cause })
    for (const { reject } of this.#waiting.values()) reject(this.#death)
    this.#waiting.clear()
  }
}
