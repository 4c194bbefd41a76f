import { concatMap, defer, EMPTY, ignoreElements, map, of, tap, type Observable } from 'rxjs'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { Lease, Reclaimable } from '../../buffers/buffer-pool.ts'
import type { Limited } from '../../rx/fair-limiter.ts'
import { ownedCall } from '../../rx/owned-call.ts'
import { leaseBytesFor, type Storage, type Transfer } from '../state/file-store.ts'
import type { ClientSpeed } from './client-speed.ts'
import type { PlannedBlock } from './plan-blocks.ts'

/**
 * A block on its way out. While it waits for a client that does not move, the pool may reclaim its
 * buffer; the block is then read again in its turn.
 */
export class ReadAheadBlock {
  readonly planned: PlannedBlock
  readonly #store: Storage & Transfer
  readonly #limited: Limited
  readonly #speed: Pick<ClientSpeed, 'isFast'>
  #lease: Lease | undefined
  #reclaimable: Reclaimable | undefined

  constructor(
    store: Storage & Transfer,
    planned: PlannedBlock,
    limited: Limited,
    speed: Pick<ClientSpeed, 'isFast'>,
  ) {
    this.#store = store
    this.planned = planned
    this.#limited = limited
    this.#speed = speed
  }

  /**
   * Reads the block ahead if a buffer is free at once, and leaves it waiting. Reading ahead never
   * queues for a buffer: blocks whose turn has come would wait behind it.
   */
  readAhead(): Observable<never> {
    return defer(() => {
      const lease = this.#store.pool.tryLease(this.#leaseBytes)
      return lease ? this.#read(lease) : EMPTY
    }).pipe(
      tap((right) => {
        right.release()
        this.idle()
      }),
      ignoreElements(),
    )
  }

  /**
   * Emits a share of the lease on the block's verified bytes, reading them now or again if need be.
   * The receiver releases the share.
   */
  acquire(): Observable<Lease> {
    return defer(() => {
      this.#reclaimable?.withdraw()
      this.#reclaimable = undefined
      if (this.#lease) return of(this.#lease.share())
      // Lease before taking a slot: waiting for a lease in a slot would keep all others from
      // reading.
      return this.#store.pool.lease(this.#leaseBytes).pipe(concatMap((lease) => this.#read(lease)))
    })
  }

  /** Nobody needs the bytes at the moment: the pool may reclaim them. */
  idle(): void {
    if (!this.#lease || this.#reclaimable) return
    const reclaim = () => {
      this.release()
      return 0
    }
    this.#reclaimable = this.#store.pool.makeReclaimable(reclaim, 'atOnce', () => this.#leaseBytes)
  }

  /** Its client made progress. */
  markProgress(): void {
    this.#reclaimable?.markProgress()
  }

  /** Gives the buffer back for good. */
  release(): void {
    this.#reclaimable?.withdraw()
    this.#reclaimable = undefined
    const lease = this.#lease
    // Forget it first: within this call, the pool may lend the buffer to this block's own writer.
    this.#lease = undefined
    lease?.release()
  }

  get #leaseBytes(): number {
    return leaseBytesFor(this.planned.length)
  }

  #read(lease: Lease): Observable<Lease> {
    const release = () => lease.release()
    return ownedCall(this.#limited, {
      call: (signal) => this.#fill(lease.bytes, signal),
      release,
      succeeded: (_, isWanted) => {
        if (!isWanted) release()
      },
    }).pipe(
      map(() => {
        this.#lease = lease
        return lease.share()
      }),
    )
  }

  async #fill(buffer: Buffer, signal: AbortSignal): Promise<void> {
    const { chunk, offset, length, until } = this.planned
    const { location, size, blockDigests } = chunk
    try {
      await this.#store.chunks.read(location, offset, buffer.subarray(0, length), {
        size,
        blockDigests,
        // A slow client may never get to the rest: do not prefetch it.
        ...(this.#speed.isFast && { until }),
        signal,
      })
    } catch (error) {
      if (!isStoreError(error, 'not_found')) throw error
      // The file exists: a 404 would hide the loss.
      throw new StoreError('corrupt', `The chunk at ${location} is missing.`, { cause: error })
    }
  }
}
