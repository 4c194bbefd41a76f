import { lastValueFrom } from 'rxjs'
import type { ChunkCheck, Condition, Holder } from '../../catalog/upkeep.ts'
import type { Digest } from '../../model/digest.ts'
import type { Chunk, Location } from '../../model/chunk.ts'
import { checkChunk } from './check-chunk.ts'
import { leaseBytesFor, pieceBytes, type Storage, type Transfer } from '../state/file-store.ts'
import { Throttle, type Clock } from './throttle.ts'

export interface ScrubOptions {
  /** Bytes a second; a chunk counts as 64 KiB at least, for the work that goes with any. */
  readonly scrubRate: number
  /** A chunk is read again so long after it was last read, or stored. */
  readonly scrubIntervalMs: number
}

/** A chunk that was sound, as far as anybody knew, and is not. */
export interface Damage {
  readonly digest: Digest
  readonly location: Location
  readonly condition: 'damaged' | 'missing'
  /** The first of those that use it. */
  readonly holders: readonly Holder[]
}

export interface ScrubReport {
  checked(bytes: number): void
  found(damage: Damage): void
}

function byLocation(a: Chunk, b: Chunk): number {
  return a.location < b.location ? -1 : 1
}

/** Chunks whose checks are taken down together. After a restart as many are read again, at most. */
export const scrubBatch = 64
const mostHolders = 10
const lookAgainMs = 3_600_000

/**
 * Reads chunks that are due, and has the catalog take down how they are. Nothing is deleted or kept
 * because of that: a chunk that is mended or collected meanwhile is as if it had not been looked
 * at.
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
   * Goes on until nothing is due. Rejects what the stores reject where nothing could be read at
   * all.
   */
  async run(signal: AbortSignal): Promise<void> {
    while (await this.#checkBatch(signal)) signal.throwIfAborted()
  }

  /** Whether there was anything to do. */
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
      // Neighbours by location are kept in one file, which is opened once then.
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
      // A store of which nothing can be read tells nothing of its chunks.
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
      // The lease comes before the turn: to wait for one in a slot would keep everybody else from
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
