import { lastValueFrom } from 'rxjs'
import type { ChunkCheck, Condition, Holder } from '../../catalog/upkeep.ts'
import type { Digest } from '../../model/digest.ts'
import type { Chunk, Location } from '../../model/chunk.ts'
import { checkChunk } from './check-chunk.ts'
import { leaseBytesFor, pieceBytes, type Storage, type Transfer } from '../state/file-store.ts'
import { Throttle, type Clock } from './throttle.ts'

export interface ScrubOptions {
  /** Bytes per second; a chunk counts as at least 64 KiB, because each costs some work. */
  readonly scrubRate: number
  /** A chunk is read again this long after it was last read or stored. */
  readonly scrubIntervalMs: number
}

/** A chunk that was believed sound and is not. */
export interface Damage {
  readonly digest: Digest
  readonly location: Location
  readonly condition: 'damaged' | 'missing'
  /** The first of its users. */
  readonly holders: readonly Holder[]
}

export interface ScrubReport {
  checked(bytes: number): void
  found(damage: Damage): void
}

function byLocation(a: Chunk, b: Chunk): number {
  return a.location < b.location ? -1 : 1
}

/** Chunks whose checks are saved together. A restart repeats at most this many. */
export const scrubBatch = 64
const mostHolders = 10
const lookAgainMs = 3_600_000

/**
 * Reads the chunks that are due, and saves their condition in the catalog. Nothing is deleted or
 * kept because of that. If a chunk is mended or collected meanwhile, its check does not count.
 */
export class Scrub {
  readonly #store: Storage & Transfer
  readonly #options: ScrubOptions
  readonly #report: ScrubReport
  readonly #clock: Clock
  readonly #throttle: Throttle

  constructor(
    store: Storage & Transfer,
    options: ScrubOptions,
    report: ScrubReport,
    clock: Clock,
    throttle = new Throttle(options.scrubRate, clock),
  ) {
    this.#store = store
    this.#options = options
    this.#report = report
    this.#clock = clock
    this.#throttle = throttle
  }

  /**
   * Goes on until nothing is due. Rejects what the stores reject if nothing could be read at all.
   */
  async run(signal: AbortSignal): Promise<void> {
    while (await this.#checkBatch(signal)) signal.throwIfAborted()
  }

  /** Resolves with whether there was anything to do. */
  async #checkBatch(signal: AbortSignal): Promise<boolean> {
    const { scrubIntervalMs } = this.#options
    const now = this.#clock.now()
    const due = await this.#store.catalog.listDueChunks({
      checkedBefore: now - scrubIntervalMs,
      notSoundCheckedBefore: now - Math.min(scrubIntervalMs, lookAgainMs),
      limit: scrubBatch,
    })
    const checks: ChunkCheck[] = []
    const failures: unknown[] = []
    try {
      // Neighbours by location share a file, which is then opened once.
      for (const chunk of due.toSorted(byLocation)) {
        const { digest, location } = chunk
        try {
          const condition = await this.#check(chunk, signal)
          checks.push({ digest, location, condition })
        } catch (error) {
          if (signal.aborted) throw error
          failures.push(error)
          checks.push({ digest, location })
        }
      }
      if (due.length > 0 && failures.length === due.length) throw failures[0]
    } finally {
      // If nothing can be read, the store says nothing about its chunks.
      if (failures.length < checks.length) await this.#takeDown(checks)
    }
    for (const error of failures) this.#store.options.onBackgroundError(error, 'verifying chunks')
    return due.length > 0
  }

  async #check(chunk: Chunk, signal: AbortSignal): Promise<Condition> {
    const { location, size, blockDigests } = chunk
    const condition = await checkChunk(chunk, async (offset, length) => {
      await this.#throttle.take(Math.max(length, pieceBytes), signal)
      signal.throwIfAborted()
      // Lease before taking a slot: waiting for a lease in a slot would keep all others from
      // reading.
      const lease = await lastValueFrom(this.#store.pool.lease(leaseBytesFor(length)))
      try {
        const into = lease.bytes.subarray(0, length)
        await this.#store.reading.run(() =>
          this.#store.chunks.read(location, offset, into, { size, blockDigests }),
        )
      } finally {
        lease.release()
      }
    })
    this.#report.checked(size)
    return condition
  }

  async #takeDown(checks: readonly ChunkCheck[]): Promise<void> {
    const { catalog } = this.#store
    for (const { digest, location, condition } of await catalog.saveChecks(checks, this.#clock.now())) {
      if (condition === undefined || condition === 'sound') continue
      const holders = await catalog.listHolders(digest, mostHolders)
      this.#report.found({ digest, location, condition, holders })
    }
  }
}
