import type { Writable } from 'node:stream'
import { Observable } from 'rxjs'
import { blockBytes } from '../../model/digest.ts'

/** A client that takes a block faster than this frees soon what it pins down. */
const fastBlockMs = 100

/**
 * More than socket buffers swallow for a client that reads nothing: up to 4 MiB on our side by
 * default, and whatever fits into those of the client.
 */
const provenBytes = 8 * blockBytes

/**
 * Learns how fast a client takes what is written to it; assumes slow at first. Bytes that the
 * socket buffer swallows at once prove nothing: only a write that had to wait and then ended shows
 * that somebody reads. One such write is not enough, because the buffers at both ends grow while
 * they fill.
 */
export class ClientSpeed {
  #isKeepingUp = false
  /** Bytes taken since the client was last found slow. */
  #provenBytes = 0
  /** Bytes taken since a write last had to wait. */
  #bytes = 0

  get isFast(): boolean {
    return this.#isKeepingUp && this.#provenBytes >= provenBytes
  }

  /**
   * Starts `write` to `output` upon subscription, mirrors how it ends, and measures how long it
   * takes.
   */
  timed(output: Writable, bytes: number, write: Observable<never>): Observable<never> {
    return new Observable((subscriber) => {
      const begun = performance.now()
      let hasWaited = false
      subscriber.add(
        write.subscribe({
          error: (error) => subscriber.error(error),
          complete: () => {
            this.#ended(bytes, hasWaited ? performance.now() - begun : undefined)
            subscriber.complete()
          },
        }),
      )
      // Whatever the write could not hand to the system at once is still in this process.
      hasWaited = output.writableLength > 0
    })
  }

  #ended(bytes: number, waitedMs: number | undefined): void {
    this.#bytes += bytes
    this.#provenBytes += bytes
    if (waitedMs === undefined) return
    this.#isKeepingUp = this.#bytes / waitedMs >= blockBytes / fastBlockMs
    if (!this.#isKeepingUp) this.#provenBytes = 0
    this.#bytes = 0
  }
}
