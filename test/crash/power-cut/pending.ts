/** Decides what becomes of changes that no sync covered. */
export interface Survives {
  change(): boolean
  /** Whether a write that survives does so whole, and not in single sectors. */
  isWhole(): boolean
}

/** Changes that were made and not synced yet, in order. */
export class Pending<T> {
  readonly #fold: (change: T) => void
  readonly #syncs = new Map<number, number>()
  #changes: T[] = []
  #folded = 0

  /** `fold` is called for each change that a sync covers, in order. */
  constructor(fold: (change: T) => void) {
    this.#fold = fold
  }

  get all(): readonly T[] {
    return this.#changes
  }

  add(change: T): void {
    this.#changes.push(change)
  }

  /** What is there now will be covered. */
  beginSync(number: number): void {
    this.#syncs.set(number, this.#folded + this.#changes.length)
  }

  endSync(number: number): void {
    const covered = this.#syncs.get(number)
    if (covered === undefined) throw new Error(`sync ${number} ends without having begun`)
    this.#syncs.delete(number)
    const count = Math.max(0, covered - this.#folded)
    for (const change of this.#changes.slice(0, count)) this.#fold(change)
    this.#changes = this.#changes.slice(count)
    this.#folded += count
  }
}
