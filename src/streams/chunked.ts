import type { Readable } from 'node:stream'
import { Observable, Subscription, type Subscriber } from 'rxjs'
import type { BufferPool, Lease, Reclaimable } from '../buffers/buffer-pool.ts'

export interface ChunkedOptions {
  /** A chunk has so many bytes; the last one, and one cut early, fewer. */
  readonly chunkBytes: number
  /** Size of the leases that chunks are filled into. */
  readonly pieceBytes: number
  /**
   * Chunks that may be out, emitted and not released; the source is paused at so many. It bounds
   * the work on them too: a bound of `mergeMap` would queue chunks, and lose their leases when it
   * ends early.
   */
  readonly maxChunks: number
  /**
   * Sees all bytes in order, each run before the chunk with it is emitted: what is warm is cheap to
   * hash.
   */
  readonly onBytes?: (bytes: Uint8Array) => void
}

/** A run of the source's bytes in leased buffers. Whoever gets one releases it exactly once. */
export interface FilledChunk {
  readonly pieces: readonly Uint8Array[]
  readonly size: number
  release(): void
}

/**
 * Copies a stream into leased buffers and emits it in chunks; an empty stream gives none. Without a
 * lease the source is paused, so what it sends waits in the sender. A chunk whose client makes no
 * progress is reclaimable: if others wait, it is cut early and emitted as it is.
 *
 * Errors with the source's error, with `ERR_STREAM_PREMATURE_CLOSE` if it closes before its end,
 * and with what `onBytes` throws. Upon error and unsubscription the unfinished chunk's leases go
 * back; the source is paused, not destroyed.
 */
export function chunked(
  source: Readable,
  pool: BufferPool,
  options: ChunkedOptions,
): Observable<FilledChunk> {
  return new Observable((subscriber) => {
    const filler = new ChunkFiller(source, pool, options, subscriber)
    const onData = (data: Buffer) => filler.fill(data)
    const onEnd = () => filler.end()
    const onError = (error: Error) => subscriber.error(error)
    const onClose = () => {
      if (!source.readableEnded) subscriber.error(whyClosed(source))
    }
    source.on('error', onError).on('close', onClose).on('end', onEnd).on('data', onData).resume()
    subscriber.add(() => {
      source.off('data', onData).off('end', onEnd).off('close', onClose).pause()
      // `onError` stays: an error that comes when nobody reads any more must not end the process.
      filler.dispose()
    })
    if (source.readableEnded) onEnd()
    else if (source.destroyed) onClose()
  })
}

function whyClosed({ errored }: Readable): Error {
  const code = 'ERR_STREAM_PREMATURE_CLOSE'
  return errored ?? Object.assign(new Error('the stream closed before its end'), { code })
}

class ChunkFiller {
  readonly #source: Readable
  readonly #pool: BufferPool
  readonly #options: ChunkedOptions
  readonly #subscriber: Subscriber<FilledChunk>
  #leases: Lease[] = []
  #size = 0
  #reclaimable: Reclaimable | undefined
  #chunksOut = 0
  /** What arrived and has no room yet. */
  #rest: Buffer | undefined
  #awaited: Subscription | undefined
  #isCopying = false
  #hasEnded = false

  constructor(
    source: Readable,
    pool: BufferPool,
    options: ChunkedOptions,
    subscriber: Subscriber<FilledChunk>,
  ) {
    this.#source = source
    this.#pool = pool
    this.#options = options
    this.#subscriber = subscriber
  }

  fill(data: Buffer): void {
    if (this.#rest) {
      // Going on would lose the bytes that still wait for room. A destroyed stream cannot be
      // paused, and emits all that it holds.
      const error = this.#source.destroyed
        ? whyClosed(this.#source)
        : new Error('the source was resumed by somebody else while it was paused')
      this.#subscriber.error(error)
      return
    }
    this.#rest = data
    this.#continueCopying()
    if (this.#rest) this.#source.pause()
  }

  end(): void {
    this.#hasEnded = true
    // A stream that is paused at its last bytes says that it has ended all the same.
    if (!this.#rest) this.#finish()
  }

  dispose(): void {
    this.#stopWaiting()
    this.#rest = undefined
    this.#reclaimable?.withdraw()
    for (const lease of this.#leases.splice(0)) lease.release()
  }

  #continueCopying(): void {
    try {
      this.#copyRest()
    } catch (error) {
      this.#subscriber.error(error)
    }
  }

  #copyRest(): void {
    // A chunk may be released, and this be called again, before its emission returns: loop, don't
    // recurse.
    if (this.#isCopying) return
    this.#isCopying = true
    while (this.#rest && !this.#subscriber.closed) {
      const room = this.#room()
      if (room > 0) this.#copy(this.#rest, room)
      else if (!this.#addPiece()) break
    }
    this.#isCopying = false
  }

  #room(): number {
    const { chunkBytes, pieceBytes } = this.#options
    return Math.min(this.#leases.length * pieceBytes, chunkBytes) - this.#size
  }

  #copy(rest: Buffer, room: number): void {
    const { chunkBytes, pieceBytes, onBytes } = this.#options
    const bytes = rest.subarray(0, room)
    const piece = this.#leases.at(-1)
    // To memory that threads share `set` would write word by word.
    if (piece) bytes.copy(piece.bytes, this.#size % pieceBytes)
    onBytes?.(bytes)
    this.#size += bytes.length
    this.#rest = bytes.length < rest.length ? rest.subarray(bytes.length) : undefined
    this.#reclaimable?.markProgress()
    if (this.#size === chunkBytes) this.#emit()
  }

  /** Whether there is room at once; otherwise copying goes on when there is. */
  #addPiece(): boolean {
    if (this.#awaited || this.#chunksOut >= this.#options.maxChunks) return false
    const lease = this.#pool.tryLease(this.#options.pieceBytes)
    if (lease) {
      this.#add(lease)
      return true
    }
    const awaited = new Subscription()
    this.#awaited = awaited
    const onLease = (late: Lease) => {
      this.#awaited = undefined
      this.#add(late)
      this.#continue()
    }
    awaited.add(this.#pool.lease(this.#options.pieceBytes).subscribe(onLease))
    // Waiting may have cut this chunk early, and that may have brought a lease at once.
    return this.#room() > 0
  }

  #add(lease: Lease): void {
    this.#leases.push(lease)
    this.#reclaimable ??= this.#pool.makeReclaimable(
      () => this.#cutEarly(),
      'later',
      () => this.#leases.length * this.#options.pieceBytes,
    )
  }

  #continue(): void {
    this.#continueCopying()
    if (this.#rest || this.#subscriber.closed) return
    if (this.#hasEnded) this.#finish()
    else this.#source.resume()
  }

  #finish(): void {
    if (this.#size > 0) this.#emit()
    this.#subscriber.complete()
  }

  #cutEarly(): number {
    const bytes = this.#leases.length * this.#options.pieceBytes
    return this.#emit() ? 0 : bytes
  }

  /** Returns whether the chunk was released at once. */
  #emit(): boolean {
    const leases = this.#leases
    const size = this.#size
    this.#reclaimable?.withdraw()
    this.#reclaimable = undefined
    this.#leases = []
    this.#size = 0
    this.#chunksOut++
    let isReleased = false
    const { pieceBytes } = this.#options
    this.#subscriber.next({
      pieces: leases.map(({ bytes }, index) => bytes.subarray(0, size - index * pieceBytes)),
      size,
      release: () => {
        isReleased = true
        this.#chunksOut--
        for (const lease of leases) lease.release()
        this.#continue()
      },
    })
    // Cut early while it waited for a piece, it may be one chunk too many to begin another.
    if (this.#chunksOut >= this.#options.maxChunks) this.#stopWaiting()
    return isReleased
  }

  #stopWaiting(): void {
    this.#awaited?.unsubscribe()
    this.#awaited = undefined
  }
}
