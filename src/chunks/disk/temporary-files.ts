import { join } from 'node:path'
import { newTemporaryPath } from './chunk-path.ts'

/** Remembers which packs this store is about to write. Those of crashed stores may be deleted. */
export class TemporaryFiles {
  readonly #directory: string
  readonly #paths = new Set<string>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Settles as `write` does, which gets the path of the file that will become the pack. */
  async create<T>(packPath: string, write: (temporary: string) => Promise<T>): Promise<T> {
    const path = newTemporaryPath(packPath)
    this.#paths.add(path)
    try {
      return await write(join(this.#directory, path))
    } finally {
      this.#paths.delete(path)
    }
  }

  has(path: string): boolean {
    return this.#paths.has(path)
  }
}
