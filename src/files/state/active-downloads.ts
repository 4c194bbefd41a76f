import type { FileId, StoredFile } from '../../model/file.ts'

/** A file that stays readable, whatever happens to its name, until `close` is called, once. */
export interface OpenFile {
  readonly file: StoredFile
  /** With `mayContinue`, the client may come back for the next part of the file. */
  readonly close: (options?: { readonly mayContinue: boolean }) => void
}

/** If more clients than this are between two requests, some may find a deleted file gone. */
const mostAwaited = 1000

/**
 * Counts downloads, so that collection leaves their files alone. A lookup counts from before it
 * asks the catalog, so a file that is unlinked between the answer and the first read is protected,
 * too.
 */
export class ActiveDownloads {
  readonly #lookups = new Set<{ readonly since: number }>()
  readonly #downloads = new Map<FileId, { readonly file: StoredFile; count: number }>()
  /**
   * Files that a client has read a part of, with the time until which they await it; the oldest
   * first.
   */
  readonly #awaited = new Map<FileId, { readonly file: StoredFile; readonly until: number }>()
  readonly #patienceMs: number

  /** `patienceMs` is how long a file awaits a client that may continue. */
  constructor(patienceMs = 0) {
    this.#patienceMs = patienceMs
  }

  /** Runs `find` and protects the file that it finds until it is closed. */
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
   * Opens a file again that is being downloaded or awaits a client; the catalog may no longer know
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

  /** Files being downloaded or awaiting a client: none may be collected. */
  get kept(): readonly FileId[] {
    this.#giveUpAwaited()
    return [...new Set([...this.#downloads.keys(), ...this.#awaited.keys()])]
  }

  /**
   * A lookup may be about to return a file that was unlinked since then. Milliseconds since 1970.
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
