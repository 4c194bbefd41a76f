import type { FileId, StoredFile } from '../../model/file.ts'

/** A file that stays whole, whatever happens to its name, until it is closed, once. */
export interface OpenFile {
  readonly file: StoredFile
  /** A client that fetches the file in several requests may come back for the next one. */
  readonly close: (options?: { readonly mayContinue: boolean }) => void
}

/** More clients than these that are between two requests may find a deleted file gone. */
const mostAwaited = 1000

/**
 * Counts who is downloading what, so that collection leaves it alone. A lookup is counted from
 * before it asks the catalog: a file that is unlinked between the answer and the first read is
 * still counted on.
 */
export class ActiveDownloads {
  readonly #lookups = new Set<{ readonly since: number }>()
  readonly #downloads = new Map<FileId, { readonly file: StoredFile; count: number }>()
  /**
   * Files that a client has read a part of, until when they wait for it; the first to be given up
   * first.
   */
  readonly #awaited = new Map<FileId, { readonly file: StoredFile; readonly until: number }>()
  readonly #patienceMs: number

  /** `patienceMs` is how long a file waits for a client that may continue. */
  constructor(patienceMs = 0) {
    this.#patienceMs = patienceMs
  }

  /** Runs `find` and keeps the file that it finds until it is closed. */
  async open(find: () => Promise<StoredFile | undefined>): Promise<OpenFile | undefined> {
    const lookup = { since: Date.now() }
    this.#lookups.add(lookup)
    try {
      const file = await find()
      return file && this.#count(file)
    } finally {
      this.#lookups.delete(lookup)
    }
  }

  /**
   * The file again, if it is being downloaded or awaits a client; the catalog may have forgotten
   * it.
   */
  reopen(id: FileId): OpenFile | undefined {
    this.#giveUpAwaited()
    const { file } = this.#downloads.get(id) ?? this.#awaited.get(id) ?? {}
    return file && this.#count(file)
  }

  /** Files being downloaded. */
  get inUse(): readonly FileId[] {
    return [...this.#downloads.keys()]
  }

  /** These, and those that await a client: none of them may be collected. */
  get kept(): readonly FileId[] {
    this.#giveUpAwaited()
    return [...new Set([...this.#downloads.keys(), ...this.#awaited.keys()])]
  }

  /**
   * What was unlinked from this time on may be what a lookup is about to return. Milliseconds since
   * 1970.
   */
  get lookupsSince(): number {
    return Math.min(Infinity, ...Array.from(this.#lookups, ({ since }) => since))
  }

  #count(file: StoredFile): OpenFile {
    const { id } = file
    const entry = this.#downloads.get(id) ?? { file, count: 0 }
    entry.count += 1
    this.#downloads.set(id, entry)
    return {
      file: entry.file,
      close: ({ mayContinue } = { mayContinue: false }) => {
        if (mayContinue) this.#await(file)
        entry.count -= 1
        if (entry.count === 0) this.#downloads.delete(id)
      },
    }
  }

  #await(file: StoredFile): void {
    if (this.#patienceMs <= 0) return
    this.#giveUpAwaited()
    this.#awaited.delete(file.id)
    this.#awaited.set(file.id, { file, until: Date.now() + this.#patienceMs })
  }

  #giveUpAwaited(): void {
    for (const [id, { until }] of this.#awaited) {
      if (until > Date.now() && this.#awaited.size <= mostAwaited) return
      this.#awaited.delete(id)
    }
  }
}
