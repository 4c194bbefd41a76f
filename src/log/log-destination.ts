import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSink, type Sink } from './open-sink.ts'

/** Lines that wait for a reader that is slower than the server; past that they are dropped. */
const maxQueuedBytes = 1024 * 1024
/** What is written at once, of what has come while the last write was under way. */
const maxWriteBytes = 64 * 1024
/** How long the end of the process waits for a reader. */
const endTimeoutMs = 1000

const newline = 0x0a

/**
 * Writes log lines to a descriptor, never on the event loop, in bounded memory. What cannot be written, because the disk is full,
 * nobody reads the pipe, or its reader has gone, is dropped and counted, and said once on standard error: a log must
 * not be able to stop the server.
 */
export class LogDestination {
  readonly #sink: Sink
  readonly #format: (line: string) => string
  #queue: Buffer[] = []
  #queuedBytes = 0
  #draining: Promise<void> | undefined
  #isMidLine = false
  #dropped = 0

  constructor(fd: number, format: (line: string) => string = (line) => line) {
    this.#sink = openSink(fd)
    this.#format = format
  }

  /** Lines so far that were not written. */
  get dropped(): number {
    return this.#dropped
  }

  /** Called by pino with a line and its end. */
  write(line: string): void {
    const bytes = Buffer.from(this.#format(line))
    if (this.#queuedBytes + bytes.length > maxQueuedBytes) {
      this.#drop(1, 'nobody reads them fast enough')
      return
    }
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#draining ??= this.#drain()
  }

  /** Resolves when all lines are written, or a reader that takes none has been waited for. Later lines may be lost. */
  async end(): Promise<void> {
    await Promise.race([this.#draining, sleep(endTimeoutMs, undefined, { ref: false })])
    this.#sink.close()
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) await this.#writeOut(this.#takeQueued())
    this.#draining = undefined
  }

  #takeQueued(): Buffer {
    let count = 0
    let bytes = 0
    while (count < this.#queue.length && (count === 0 || bytes < maxWriteBytes)) {
      bytes += this.#queue[count++]!.length
    }
    const taken = this.#queue.splice(0, count)
    // The rest of a line that a full disk has cut is gone: the next one is to be readable.
    return Buffer.concat(this.#isMidLine ? [Buffer.from('\n'), ...taken] : taken)
  }

  async #writeOut(bytes: Buffer): Promise<void> {
    const cut = this.#isMidLine ? 1 : 0
    let written = 0
    try {
      while (written < bytes.length) written += await this.#sink.write(bytes.subarray(written))
    } catch (error) {
      const left = bytes.subarray(Math.max(written, cut))
      this.#drop(
        left.reduce((count, byte) => count + (byte === newline ? 1 : 0), 0),
        error instanceof Error ? error.message : String(error),
      )
    }
    if (written > 0) this.#isMidLine = bytes[written - 1] !== newline
    this.#queuedBytes -= bytes.length - cut
  }

  #drop(count: number, reason: string): void {
    if (this.#dropped === 0) complain(`ashlar: log lines are dropped, and counted in /metrics: ${reason}\n`)
    this.#dropped += count
  }
}

function complain(text: string): void {
  try {
    writeSync(2, text)
  } catch {
    // Standard error is as full as standard output: nobody is left to be told.
  }
}
