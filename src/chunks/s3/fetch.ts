import { finished, type Readable } from 'node:stream'
import type { Location } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'

/**
 * Begins to get an object's bytes from `from` on, up to `to` or to its end. The signal ends it, and
 * the stream, too, when it aborts.
 */
export type GetRange = (
  location: Location,
  from: number,
  to: number,
  signal: AbortSignal,
) => Promise<Readable>

export interface FetchOwner {
  /** So many bytes have come. */
  received(bytes: number): void
  /** No read waits for anything, for now. */
  resting(fetch: Fetch): void
  /** It failed, or nobody wants what it was to get. */
  ended(fetch: Fetch): void
}

interface PendingRead {
  readonly into: Uint8Array
  filled: number
  /** Its bytes are passed over: reads behind it need theirs. */
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
  /** Absent until it has begun. */
  #to: number | undefined
  #body: Readable | undefined
  #received = 0
  /** What came and nobody has asked for yet. */
  #left = nothing
  /** The response is over, wherever that was. */
  #isOver = false
  #hasEnded = false

  constructor(location: Location, from: number, owner: FetchOwner) {
    this.location = location
    this.#from = from
    this.#next = from
    this.#owner = owner
  }

  /** Where a read has to begin to be served next. */
  get next(): number {
    return this.#next
  }

  /** Whether the next read may be so long. Until it has begun, any. */
  canServe(length: number): boolean {
    return this.#to === undefined || this.#next + length <= this.#to
  }

  /**
   * Fills `into` with the bytes from `next` on. Rejects with what the request rejects, `corrupt`
   * where the object ends early, and the signal's reason at once when that aborts: nothing is
   * written to `into` any more then.
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

  /** Sends the request, for the reads that wait and for what is behind them up to `to`. */
  begin(getRange: GetRange, to = this.#next): void {
    if (this.#hasEnded) return
    this.#to = Math.max(to, this.#next)
    getRange(this.location, this.#from, this.#to, this.#abort.signal).then(
      (body) => this.#receive(body),
      (error: unknown) => this.#endWith(error),
    )
  }

  /**
   * Gives up the connection, unless all has come. There must be no read that somebody still wants.
   */
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
      // What is complete goes on to the end of the response, which frees the connection.
      if (!this.#isComplete) this.#body?.pause()
      this.#owner.resting(this)
    }
  }

  #fill(): void {
    for (let read = this.#reads[0]; read; read = this.#reads[0]) {
      const { into, filled, isAborted } = read
      const bytes = this.#left.subarray(0, into.length - filled)
      // To memory that threads share `set` would write word by word.
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
