import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSink, type Sink } from './open-sink.ts'

/** Lines that wait for a slow reader. More are dropped. */
const maxQueuedBytes = 1024 * 1024
/** Lines that arrive during a write are written together, up to this size. */
const maxWriteBytes = 64 * 1024
/** How long the process waits for a reader before it exits. */
const endTimeoutMs = 1000

const newline = 0x0a

/**
 * Writes log lines to a file descriptor in bounded memory without blocking the event loop. Lines
 * that cannot be written (full disk, pipe or terminal that nobody reads) are dropped and counted,
 * and standard error says so once: logging must never stop the server.
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

  /** Number of lines dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Called by pino with a line, newline included. */
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

  /**
   * Resolves when all lines are written, or after a second if nobody reads them. Later lines may be
   * lost.
   */
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
    // The disk was full in the middle of a line: end that line, so that the next one is readable.
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
    if (this.#dropped === 0) complain(`ashlar: dropping log lines, counted in /metrics: ${reason}\n`)
    this.#dropped += count
  }
}

function complain(text: string): void {
  // A terminal may be the one that takes nothing: a synchronous write would block the server with
  // it.
  if (isatty(2)) {
    openSink(2)
      .write(Buffer.from(text))
      .catch(() => {})
    return
  }
  try {
    writeSync(2, text)
  } catch {
    // Standard error is full as well: there is nobody left to tell.
  }
}
