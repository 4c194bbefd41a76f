import type { FileId } from '../model/file.ts'

/**
 * Counts who is downloading what, so that collection leaves it alone. A lookup is counted from before it asks the
 * catalog: a file that is let go between the answer and the first read is still counted on.
 */
export class OpenFiles {
  readonly #lookups = new Set<{ readonly since: number }>()
  readonly #downloads = new Map<FileId, number>()

  /** Runs `find` and keeps the file that it finds until the returned `close` is called, once. */
  async open<T extends { readonly id: FileId }>(
    find: () => Promise<T | undefined>,
  ): Promise<{ readonly file: T; readonly close: () => void } | undefined> {
    const lookup = { since: Date.now() }
    this.#lookups.add(lookup)
    try {
      const file = await find()
      if (!file) return undefined
      this.#downloads.set(file.id, (this.#downloads.get(file.id) ?? 0) + 1)
      return { file, close: () => this.#close(file.id) }
    } finally {
      this.#lookups.delete(lookup)
    }
  }

  /** Files being downloaded. */
  get inUse(): readonly FileId[] {
    return [...this.#downloads.keys()]
  }

  /** What was let go from this time on may be what a lookup is about to return. Milliseconds since 1970. */
  get lookupsSince(): number {
    return Math.min(Infinity, ...Array.from(this.#lookups, ({ since }) => since))
  }

  #close(id: FileId): void {
    const others = (this.#downloads.get(id) ?? 0) - 1
    if (others > 0) this.#downloads.set(id, others)
    else this.#downloads.delete(id)
  }
}
