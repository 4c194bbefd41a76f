import { lastValueFrom } from 'rxjs'
import type { ChunkStore } from '../../chunks/chunk-store.ts'
import type { Chunk, Location } from '../../model/chunk.ts'
import { blockBytes, digestBytes } from '../../model/digest.ts'
import { digestOfChunk } from '../../model/hashers.ts'
import { StoreError } from '../../model/errors.ts'
import type { Lease } from '../../buffers/buffer-pool.ts'
import { FairLimiter } from '../../rx/fair-limiter.ts'
import { leaseBytesFor, type Storage, type Transfer } from '../state/file-store.ts'
import { findSoundChunk } from '../upload/find-sound-chunk.ts'
import type { StoredPart } from '../upload/pending-parts.ts'
import { refuseWithoutSpace } from '../upload/preflight.ts'

/** Copies chunks of another store unchanged, through this store's buffers, and verifies them. */
export class ChunkCopier {
  readonly #source: ChunkStore
  readonly #store: Storage & Transfer
  readonly #signal: AbortSignal
  /** Limits calls of `copy`, over all files. */
  readonly copying: FairLimiter
  /** Only one caller may wait for buffers while it holds some. */
  readonly #leasing = new FairLimiter(1)

  constructor(source: ChunkStore, store: Storage & Transfer, signal: AbortSignal) {
    this.#source = source
    this.#store = store
    this.#signal = signal
    this.copying = new FairLimiter(store.options.maxUploadConcurrency)
  }

  /**
   * Resolves when the chunk is durable: present and sound, or put. Rejects `corrupt` or `not_found`
   * if the source has lost it, `too_large` if it can never get enough buffers, `no_space`, the
   * signal's reason, and what the stores reject.
   */
  async copy(chunk: Chunk, index: number): Promise<StoredPart> {
    const { digest, size, blockDigests } = chunk
    this.#signal.throwIfAborted()
    refuseInconsistent(chunk)
    const use = { digest, size, blockDigests }
    const part = { index, use, putAfterAll: () => this.#put(chunk), release: () => {} }
    const present = await findSoundChunk(this.#store, digest)
    if (present.kind === 'sound') return part
    const location = await this.#put(chunk)
    const mends = present.kind === 'damaged' ? { mends: present.location } : {}
    return { ...part, use: { ...use, location, ...mends } }
  }

  async #put(chunk: Chunk): Promise<Location> {
    await refuseWithoutSpace(this.#store, chunk.size)
    const leases = await this.#lease(chunk.size)
    try {
      const pieces = await this.#read(chunk, leases)
      const { chunks, storing } = this.#store
      // Lease before queueing: uploads that hold leases wait for their turn, too.
      return await storing.run(chunk.size, () => chunks.put(chunk.digest, pieces, { signal: this.#signal }))
    } finally {
      for (const lease of leases) lease.release()
    }
  }

  /** Leases a buffer for each block. */
  #lease(size: number): Promise<readonly Lease[]> {
    const { pool } = this.#store
    const lengths = blocksOf(size).map(({ length }) => leaseBytesFor(length))
    const needed = lengths.reduce((sum, length) => sum + length, 0)
    if (needed > pool.maxBytes) {
      const message = `It has a chunk of ${size} bytes, which needs a --max-buffer-memory of at least ${needed}.`
      throw new StoreError('too_large', message)
    }
    const leaseAll = async () => {
      const leases: Lease[] = []
      for (const length of lengths) leases.push(await lastValueFrom(pool.lease(length)))
      return leases
    }
    return this.#leasing.run(leaseAll)
  }

  /** When it settles, nothing writes to the leases any more. */
  async #read(
    { location, size, blockDigests }: Chunk,
    leases: readonly Lease[],
  ): Promise<readonly Uint8Array[]> {
    const { reading } = this.#store
    const queue = reading.queue()
    const options = { size, blockDigests, signal: this.#signal }
    const pieces: Uint8Array[] = []
    const reads = blocksOf(size).map(({ offset, length }, block) => {
      const piece = leases[block]!.bytes.subarray(0, length)
      pieces.push(piece)
      return reading.run(() => this.#source.read(location, offset, piece, options), queue)
    })
    await Promise.allSettled(reads)
    await Promise.all(reads)
    return pieces
  }
}

function blocksOf(size: number): readonly { readonly offset: number; readonly length: number }[] {
  return Array.from({ length: Math.ceil(size / blockBytes) }, (_, block) => {
    const offset = block * blockBytes
    return { offset, length: Math.min(blockBytes, size - offset) }
  })
}

/**
 * Reads check blocks against digests that come from a catalog; this checks those against the
 * chunk's own.
 */
function refuseInconsistent({ digest, size, blockDigests }: Chunk): void {
  const fits = blockDigests.length === Math.ceil(size / blockBytes) * digestBytes
  if (fits && digestOfChunk(blockDigests) === digest) return
  throw new StoreError('corrupt', `The digests of chunk ${digest} do not fit it.`)
}
