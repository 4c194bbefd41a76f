import { concatMap, defer, map, Observable, of } from 'rxjs'
import type { Lease, Offer } from '../rx/buffer-pool.ts'
import type { Limited } from '../rx/fair-limiter.ts'
import { leaseBytesFor, type FileStore } from './file-store.ts'
import type { PlannedBlock } from './plan-blocks.ts'

/**
 * A block on its way out. While it waits for a client that does not move, its buffer is on offer to the pool; a block
 * that had to give it up is read again when its turn comes.
 */
export class HeldBlock {
  readonly planned: PlannedBlock
  readonly #store: FileStore
  readonly #limited: Limited
  #lease: Lease | undefined
  #offer: Offer | undefined

  constructor(store: FileStore, planned: PlannedBlock, limited: Limited) {
    this.#store = store
    this.planned = planned
    this.#limited = limited
  }

  /** Emits a right to the block's verified bytes, read again if need be; whoever gets it releases it. */
  use(): Observable<Lease> {
    return defer(() => {
      const right = this.useAtOnce()
      return right ? of(right) : this.#read()
    })
  }

  /** The same, if nothing needs to be read or waited for. */
  useAtOnce(): Lease | undefined {
    this.#offer?.withdraw()
    this.#offer = undefined
    return this.#lease?.share()
  }

  /** Nobody needs the bytes for the moment. */
  rest(): void {
    if (!this.#lease || this.#offer) return
    this.#offer = this.#store.pool.offer(() => {
      this.drop()
      return 0
    })
  }

  /** The block is not needed any more. */
  drop(): void {
    this.#offer?.withdraw()
    this.#offer = undefined
    this.#lease?.release()
    this.#lease = undefined
  }

  #read(): Observable<Lease> {
    // The lease comes first: to wait for one in a slot would keep everybody else from reading.
    return this.#store.pool.lease(leaseBytesFor(this.planned.length)).pipe(
      concatMap((lease) => readInto(lease, (buffer, signal) => this.#fill(buffer, signal), this.#limited)),
      map((lease) => {
        this.#lease = lease
        return lease.share()
      }),
    )
  }

  #fill(buffer: Buffer, signal: AbortSignal): Promise<void> {
    const { chunk, offset, length } = this.planned
    const { location, size, blockDigests } = chunk
    return this.#store.chunks.read(location, offset, buffer.subarray(0, length), {
      size,
      blockDigests,
      signal,
    })
  }
}

/**
 * Owns the lease until it emits it. A read that is unsubscribed still fills its buffer for a while, so the
 * lease goes back only when the read has settled.
 */
function readInto(
  lease: Lease,
  fill: (buffer: Buffer, signal: AbortSignal) => Promise<void>,
  limited: Limited,
): Observable<Lease> {
  return new Observable((subscriber) => {
    const abort = new AbortController()
    let isBegun = false
    const work = new Observable<Lease>((slot) => {
      isBegun = true
      fill(lease.bytes, abort.signal).then(
        () => {
          if (slot.closed) lease.release()
          else slot.next(lease)
          slot.complete()
        },
        (error: unknown) => {
          lease.release()
          slot.error(error)
        },
      )
    })
    subscriber.add(() => {
      abort.abort()
      if (!isBegun) lease.release()
    })
    limited(work).subscribe(subscriber)
  })
}
