import type { Writable } from 'node:stream'
import { Observable } from 'rxjs'
import { blockBytes } from '../../model/digest.ts'

/** A client that takes a block in less is fast: what it pins down is soon free again. */
const fastBlockMs = 100

/**
 * More than the buffers of the system swallow for a client that reads nothing: up to 4 MiB on our
 * side, unless somebody has raised that, and what has fitted into those of the client.
 */
const provenBytes = 8 * blockBytes

/**
 * Learns how fast a client takes what is written to it; starts out as slow. Bytes that the system's
 * socket buffer swallows at once say nothing: only a write that had to wait and then ended shows
 * that somebody reads. Nor is one enough: the buffers at both ends grow while they fill, so that it
 * looks as if a client that stands still took something.
 */
export class ClientSpeed {
  #isKeepingUp = false
  /** Taken since the client was last found slow. */
  #provenBytes = 0
  /** Taken since a write last had to wait. */
  #bytes = 0

  get isFast(): boolean {
    return this.#isKeepingUp && this.#provenBytes >= provenBytes
  }

  /** Begins `write` to `output` upon subscription, passes on how it ends, and takes its time. */
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
      // What the write did not hand to the system at once is still here.
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
