import { setImmediate as nextTurn } from 'node:timers/promises'

interface Batch {
  readonly numbers: Set<number>
  readonly settle: PromiseWithResolvers<void>
}

/** Each one holds a pack in memory. */
const rewritesAtOnce = 4

/**
 * Groups deletions by pack and calls `remove` for one group at a time: a pack that loses all of its
 * chunks at once is then only unlinked. Calls for one pack never overlap.
 */
export class PackDeletes {
  readonly #remove: (packPath: string, numbers: ReadonlySet<number>) => Promise<void>
  readonly #waiting = new Map<string, Batch>()
  readonly #running = new Set<string>()

  constructor(remove: (packPath: string, numbers: ReadonlySet<number>) => Promise<void>) {
    this.#remove = remove
  }

  /** Settles as a call of `remove` that starts later than this. */
  async delete(packPath: string, number: number): Promise<void> {
    let batch = this.#waiting.get(packPath)
    if (!batch) {
      batch = { numbers: new Set(), settle: Promise.withResolvers() }
      this.#waiting.set(packPath, batch)
    }
    batch.numbers.add(number)
    // Callers with many deletions make them all in one turn.
    await nextTurn()
    this.#begin()
    await batch.settle.promise
  }

  #begin(): void {
    for (const [path, { numbers, settle }] of this.#waiting) {
      if (this.#running.size >= rewritesAtOnce) return
      if (this.#running.has(path)) continue
      this.#waiting.delete(path)
      this.#running.add(path)
      this.#remove(path, numbers)
        .then(settle.resolve, settle.reject)
        .finally(() => {
          this.#running.delete(path)
          this.#begin()
        })
    }
  }
}
