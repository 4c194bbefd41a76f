import type { Condition, ListedManifest } from '../../catalog/upkeep.ts'
import type { FileId, FileName } from '../../model/file.ts'
import { checkManifest } from '../manifests/check-manifest.ts'
import { pieceBytes, type Counted, type Storage } from '../state/file-store.ts'
import { mendManifest } from '../manifests/mend-manifest.ts'
import type { ScrubOptions } from './scrub.ts'
import type { Clock, Throttle } from './throttle.ts'

/** A manifest that differed from the catalog and was rewritten. */
export interface MendedManifest {
  readonly id: FileId
  readonly name: FileName
  readonly condition: Exclude<Condition, 'sound'>
}

export interface ManifestReport {
  mended(manifest: MendedManifest): void
}

/** Files per page of the catalog. */
export const manifestBatch = 64

/**
 * Compares the manifest of every file with the catalog once per `scrubIntervalMs`, and rewrites
 * damaged and missing ones. Its position is kept in memory only: a restarted server begins a new
 * pass.
 */
export class ManifestScrub {
  readonly #store: Storage & Counted
  readonly #intervalMs: number
  readonly #report: ManifestReport
  readonly #clock: Clock
  readonly #throttle: Throttle
  #after: FileId | undefined
  #dueAt = -Infinity

  constructor(
    store: Storage & Counted,
    { scrubIntervalMs }: Pick<ScrubOptions, 'scrubIntervalMs'>,
    report: ManifestReport,
    clock: Clock,
    throttle: Throttle,
  ) {
    this.#store = store
    this.#intervalMs = scrubIntervalMs
    this.#report = report
    this.#clock = clock
    this.#throttle = throttle
  }

  /**
   * Finishes the pass that is due or under way. After a rejection, the next call continues where
   * this one stopped.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#clock.now() < this.#dueAt) return
    for (;;) {
      const listed = await this.#store.catalog.listFileManifests(this.#after, manifestBatch)
      for (const one of listed) {
        await this.#check(one, signal)
        this.#after = one.id
      }
      if (listed.length < manifestBatch) break
    }
    this.#after = undefined
    this.#dueAt = this.#clock.now() + this.#intervalMs
  }

  async #check({ id, name, file, locations }: ListedManifest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    // A damaged entry cannot be rewritten; fsck reports it.
    if (!file) return
    const manifest = { file, locations }
    const condition = await checkManifest(this.#store, manifest, (bytes) =>
      this.#throttle.take(Math.max(bytes, pieceBytes), signal),
    )
    if (condition === 'sound' || !(await mendManifest(this.#store, manifest))) return
    this.#report.mended({ id, name, condition })
  }
}
