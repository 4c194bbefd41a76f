import { finished, type Readable } from 'node:stream'
import type { Location } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'

/**
 * Requests an object's bytes from `from` to `to` or to its end. An abort ends the request, and the
 * stream.
 */
export type GetRange = (
  location: Location,
  from: number,
  to: number,
  signal: AbortSignal,
) => Promise<Readable>

export interface FetchOwner {
  /** So many bytes have arrived. */
  received(bytes: number): void
  /** No read is waiting for it at the moment. */
  resting(fetch: Fetch): void
  /** It failed, or nobody needs its bytes any more. */
  ended(fetch: Fetch): void
}

interface PendingRead {
  readonly into: Uint8Array
  filled: number
  /** Its bytes are skipped, because the reads after it need theirs. */
  isAborted: boolean
  readonly settle: (failure?: { readonly reason: unknown }) => void
}

const nothing: Buffer = Buffer.alloc(0)

/**
 * One request for a stretch of a chunk, and the reads that it serves: each begins where the one
 * before it ends. A read is filled as its bytes come. While no read waits the connection stands
 * still: what is held then is one piece of the response and what the stream buffers, half a
 * mebibyte or so.
 */
export class Fetch {
  readonly location: Location
  readonly #owner: FetchOwner
  readonly #from: number
  readonly #abort = new AbortController()
  readonly #reads: PendingRead[] = []
  #next: number
  /** Undefined until the request is sent. */
  #to: number | undefined
  #body: Readable | undefined
  #received = 0
  /** Bytes that have arrived and that no read has asked for yet. */
  #left = nothing
  /** The response has ended, at whatever byte. */
  #isOver = false
  #hasEnded = false

  constructor(location: Location, from: number, owner: FetchOwner) {
    this.location = location
    this.#from = from
    this.#next = from
    this.#owner = owner
  }

  /** Where the next read must start. */
  get next(): number {
    return this.#next
  }

  /** Whether the next read may have this length. Before the request is sent, any may. */
  canServe(length: number): boolean {
    return this.#to === undefined || this.#next + length <= this.#to
  }

  /**
   * Fills `into` with the bytes from `next` on. Rejects with the failure of the request, `corrupt`
   * if the object ends early, and the signal's reason as soon as it aborts: after that, nothing is
   * written to `into`.
   */
  serve(into: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        read.isAborted = true
        read.settle({ reason: signal?.reason })
        if (this.#reads.every(({ isAborted }) => isAborted)) this.end()
      }
      const read: PendingRead = {
        into,
        filled: 0,
        isAborted: false,
        settle: (failure) => {
          signal?.removeEventListener('abort', abort)
          if (failure) reject(failure.reason)
          else resolve()
        },
      }
      signal?.addEventListener('abort', abort)
      this.#reads.push(read)
      this.#next += into.length
      this.#goOn()
    })
  }

  /** Sends the request for the waiting reads, and for what follows them up to `to`. */
  begin(getRange: GetRange, to = this.#next): void {
    if (this.#hasEnded) return
    this.#to = Math.max(to, this.#next)
    getRange(this.location, this.#from, this.#to, this.#abort.signal).then(
      (body) => this.#receive(body),
      (error: unknown) => this.#endWith(error),
    )
  }

  /** Gives up the connection, unless the response is complete. No read may still need it. */
  end(): void {
    this.#endWith(undefined)
  }

  #receive(body: Readable): void {
    this.#body = body
    finished(body, (error) => {
      this.#isOver = true
      if (error) this.#endWith(error)
      else this.#goOn()
    })
    body.on('data', (bytes: Buffer) => {
      this.#received += bytes.length
      this.#left = bytes
      this.#owner.received(bytes.length)
      this.#goOn()
    })
  }

  #goOn(): void {
    this.#fill()
    if (this.#hasEnded) return
    if (this.#reads.length > 0) {
      if (this.#isOver) this.#endWith(this.#tooShort())
      else this.#body?.resume()
    } else {
      // A complete response is read to its end, which frees the connection.
      if (!this.#isComplete) this.#body?.pause()
      this.#owner.resting(this)
    }
  }

  #fill(): void {
    for (let read = this.#reads[0]; read; read = this.#reads[0]) {
      const { into, filled, isAborted } = read
      const bytes = this.#left.subarray(0, into.length - filled)
      // Not `set`: it copies to shared memory word by word.
      if (!isAborted) bytes.copy(into, filled)
      read.filled += bytes.length
      this.#left = this.#left.subarray(bytes.length)
      if (read.filled < into.length) return
      this.#reads.shift()
      read.settle()
    }
  }

  get #isComplete(): boolean {
    return this.#to !== undefined && this.#received >= this.#to - this.#from
  }

  #tooShort(): StoreError {
    const end = this.#from + this.#received
    return new StoreError('corrupt', `The chunk at ${this.location} ends at byte ${end}.`)
  }

  #endWith(reason: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (!this.#isComplete && !this.#isOver) this.#abort.abort()
    for (const read of this.#reads.splice(0)) read.settle({ reason })
    this.#owner.ended(this)
  }
}
