import type { Readable } from 'node:stream'
import { Observable, Subscription, type Subscriber } from 'rxjs'
import type { BufferPool, Lease, Reclaimable } from '../buffers/buffer-pool.ts'

export interface ChunkedOptions {
  /** Bytes in a chunk. The last chunk has fewer, and so has one that is cut early. */
  readonly chunkBytes: number
  /** The size of the leases that chunks are filled into. */
  readonly pieceBytes: number
  /**
   * How many chunks may be emitted and not yet released; at that number the source is paused. This
   * also bounds the work on chunks: `mergeMap` with a limit would queue chunks, and lose their
   * leases if it ended early.
   */
  readonly maxChunks: number
  /**
   * Sees all bytes in order, each run before its chunk is emitted, because bytes that are still in
   * the CPU cache are cheap to hash.
   */
  readonly onBytes?: (bytes: Uint8Array) => void
}

/** A run of the source's bytes in leased buffers. The receiver releases it exactly once. */
export interface FilledChunk {
  readonly pieces: readonly Uint8Array[]
  readonly size: number
  release(): void
}

/**
 * Copies a stream into leased buffers and emits it in chunks. An empty stream emits none. While no
 * lease is available the source is paused, so that backpressure reaches the sender. A chunk whose
 * client makes no progress is reclaimable: if others wait for memory, it is cut early and emitted
 * as it is.
 *
 * Errors with the source's error, with `ERR_STREAM_PREMATURE_CLOSE` if the source closes before its
 * end, and with what `onBytes` throws. An error or an unsubscription returns the leases of the
 * unfinished chunk. It pauses the source and does not destroy it.
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
      // Keep `onError`: an error after the last read must not crash the process.
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
  /** Bytes that have arrived and do not fit yet. */
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
      // Continuing would lose the bytes that still wait for room: a destroyed stream cannot be
      // paused, and emits everything it has buffered.
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
    // A stream that is paused at its last bytes still emits `end`.
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
    // The receiver may release a chunk, and so call this again, while it is being emitted: loop
    // instead of recursing.
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
    // Not `set`: it copies to shared memory word by word.
    if (piece) bytes.copy(piece.bytes, this.#size % pieceBytes)
    onBytes?.(bytes)
    this.#size += bytes.length
    this.#rest = bytes.length < rest.length ? rest.subarray(bytes.length) : undefined
    this.#reclaimable?.markProgress()
    if (this.#size === chunkBytes) this.#emit()
  }

  /** Returns whether there is room now. If not, copying resumes when there is. */
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
    // Waiting may have cut this chunk early, which may have freed a lease at once.
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
    // If the chunk was cut early while it waited for a piece, starting another could exceed the
    // limit.
    if (this.#chunksOut >= this.#options.maxChunks) this.#stopWaiting()
    return isReleased
  }

  #stopWaiting(): void {
    this.#awaited?.unsubscribe()
    this.#awaited = undefined
  }
}
